import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import grpc from '@grpc/grpc-js';
import axios from 'axios';
import got from 'got';
import { GraphQLClient } from 'graphql-request';
import ky from 'ky';
import nodeFetch from 'node-fetch';
import { ofetch } from 'ofetch';
import superagent from 'superagent';
import undici from 'undici';
import { GRPC_SERVICE } from './far-ends.js';

/** A callback, and the promise that it settles. */
function callback() {
  let settle;
  const answer = new Promise((resolve, reject) => {
    settle = (error, value) => (error ? reject(error) : resolve(value));
  });
  return { callback: settle, answer };
}

export function httpClients({ ports }) {
  const session = http2.connect(`http://127.0.0.1:${ports.http2}`);
  const Service = grpc.makeGenericClientConstructor(GRPC_SERVICE, 'Far');
  const stub = new Service(`127.0.0.1:${ports.grpc}`, grpc.credentials.createInsecure());
  const clients = [
    {
      name: 'fetch',
      call: async ({ url, signal }) => (await fetch(url, { signal })).text(),
    },
    {
      package: 'undici',
      detail: '`request`',
      call: async ({ url, signal }) => (await undici.request(url, { signal })).body.text(),
      ownTimeouts: [
        {
          option: 'headersTimeout',
          call: ({ url, signal, timeoutMs }) =>
            undici.request(url, { signal, headersTimeout: timeoutMs }),
        },
      ],
    },
    {
      package: 'undici',
      detail: '`stream`',
      prepare: () => ({ file: new Writable({ write: (_chunk, _encoding, done) => done() }) }),
      call: ({ url, signal, file }) => undici.stream(url, { signal }, () => file),
      ownTimeouts: [
        {
          option: 'headersTimeout',
          call: ({ url, signal, file, timeoutMs }) =>
            undici.stream(url, { signal, headersTimeout: timeoutMs }, () => file),
        },
      ],
    },
    {
      package: 'undici',
      detail: '`Pool`',
      prepare: ({ url }) => ({ pool: new undici.Pool(new URL(url).origin) }),
      cleanUp: ({ pool }) => pool.close(),
      call: async ({ pool, path, signal }) =>
        (await pool.request({ path, method: 'GET', signal })).body.text(),
      ownTimeouts: [
        {
          option: 'headersTimeout',
          call: ({ pool, path, signal, timeoutMs }) =>
            pool.request({ path, method: 'GET', signal, headersTimeout: timeoutMs }),
        },
      ],
    },
    {
      package: 'undici',
      detail: '`fetch`',
      prepare: ({ url }) => ({ pool: new undici.Pool(new URL(url).origin) }),
      cleanUp: ({ pool }) => pool.close(),
      call: async ({ url, pool, signal }) =>
        (await undici.fetch(url, { dispatcher: pool, signal })).text(),
    },
    {
      name: 'http.get',
      call: async ({ url, signal }) => {
        const [answer] = await once(http.get(url, { signal }), 'response');
        return await text(answer);
      },
      ownTimeouts: [
        {
          option: 'timeout',
          note: 'an event, to destroy the request on',
          call: async ({ url, signal, timeoutMs }) => {
            const request = http.get(url, { signal, timeout: timeoutMs });
            request.on('timeout', () => request.destroy(new Error('timed out')));
            await once(request, 'response');
          },
        },
      ],
    },
    {
      name: 'http2',
      call: async ({ path, signal }) => {
        const stream = session.request({ ':path': path }, { signal });
        return await text(stream);
      },
      ownTimeouts: [
        {
          option: 'setTimeout',
          note: 'an event, to destroy the stream on',
          call: async ({ path, signal, timeoutMs }) => {
            const stream = session.request({ ':path': path }, { signal });
            stream.setTimeout(timeoutMs, () => stream.destroy(new Error('timed out')));
            return await text(stream);
          },
        },
      ],
    },
    {
      package: 'axios',
      call: ({ url, signal }) => axios.get(url, { signal }),
      ownTimeouts: [
        {
          option: 'timeout',
          call: ({ url, signal, timeoutMs }) => axios.get(url, { signal, timeout: timeoutMs }),
        },
      ],
    },
    {
      package: 'axios',
      detail: 'adapter `fetch`',
      call: ({ url, signal }) => axios.get(url, { signal, adapter: 'fetch' }),
      ownTimeouts: [
        {
          option: 'timeout',
          call: ({ url, signal, timeoutMs }) =>
            axios.get(url, { signal, adapter: 'fetch', timeout: timeoutMs }),
        },
      ],
    },
    {
      package: 'got',
      call: ({ url, signal }) => got(url, { signal }),
      ownTimeouts: [
        {
          option: 'timeout',
          call: ({ url, signal, timeoutMs }) =>
            got(url, { signal, timeout: { request: timeoutMs }, retry: { limit: 0 } }),
        },
      ],
    },
    {
      package: 'got',
      detail: 'before a retry',
      far: 'retry',
      call: ({ url, signal }) => got(url, { signal, retry: { limit: 5 } }),
    },
    {
      package: 'ky',
      call: ({ url, signal }) => ky(url, { signal }).text(),
      ownTimeouts: [
        {
          option: 'timeout',
          call: ({ url, signal, timeoutMs }) => ky(url, { signal, timeout: timeoutMs }).text(),
        },
      ],
    },
    {
      package: 'ky',
      detail: 'before a retry',
      far: 'retry',
      call: ({ url, signal }) => ky(url, { signal, retry: 5 }).text(),
    },
    {
      package: 'node-fetch',
      call: async ({ url, signal }) => (await nodeFetch(url, { signal })).text(),
    },
    {
      package: 'superagent',
      note: 'Keep the `void`: if a listener returns a promise, which the request is, Node throws its rejection, and the process ends.',
      call: async ({ url, signal }) => {
        const request = superagent.get(url);
        signal.addEventListener('abort', () => void request.abort());
        return await request;
      },
      ownTimeouts: [
        {
          option: 'timeout',
          call: ({ url, timeoutMs }) => superagent.get(url).timeout(timeoutMs),
        },
      ],
    },
    {
      package: 'ofetch',
      call: ({ url, signal }) => ofetch(url, { signal }),
      ownTimeouts: [
        {
          option: 'timeout',
          note: 'without effect beside a signal',
          call: ({ url, timeoutMs }) => ofetch(url, { timeout: timeoutMs, retry: 0 }),
        },
      ],
    },
    {
      package: 'graphql-request',
      prepare: ({ url }) => ({ client: new GraphQLClient(url) }),
      call: ({ client, signal }) => client.request({ document: '{ answer }', signal }),
    },
    {
      package: '@grpc/grpc-js',
      far: 'grpc',
      prepare: () => ({ stub, question: 'question', ...callback() }),
      call: ({ stub, question, callback, answer, signal }) => {
        const call = stub.hold(question, callback);
        signal.addEventListener('abort', () => call.cancel());
        return answer;
      },
      ownTimeouts: [
        {
          option: 'deadline',
          call: ({ stub, question, callback, answer, timeoutMs }) => {
            stub.hold(question, { deadline: Date.now() + timeoutMs }, callback);
            return answer;
          },
        },
      ],
    },
  ];
  return {
    title: 'HTTP and gRPC',
    clients,
    close: () => {
      session.destroy();
      stub.close();
    },
  };
}
