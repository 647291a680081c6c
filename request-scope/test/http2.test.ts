import { once } from 'node:events';
import {
  connect as connectHttp2,
  constants,
  createServer as createHttp2,
  type Http2ServerResponse,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { ClientDisconnected, GracefulShutdown, type Scope, ShuttingDown } from '../src/index.ts';
import { prepareScope, scopeOf } from '../src/request-scope.ts';
import { aborted, settled } from './event-loop.ts';
import { arrivalsOf } from './probe.ts';

const LONG_MS = 60_000;

/** A server of HTTP/2, a client of it, and the requests that arrive. */
async function startHttp2(shutdown?: GracefulShutdown, maxConnectionAgeMs?: number) {
  const server = createHttp2();
  const next = arrivalsOf(server, shutdown);
  shutdown?.attach(server, { maxConnectionAgeMs });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const client = connectHttp2(`http://127.0.0.1:${port}`);
  return {
    next,
    client,
    get: (headers = {}) => client.request({ ':path': '/', ...headers }),
    async [Symbol.asyncDispose]() {
      client.destroy();
      if (server.listening) server.close();
    },
  };
}

describe('HTTP/2', () => {
  test('a stream that is reset aborts its own scope and no other', async () => {
    await using probe = await startHttp2();
    const [first, second] = [probe.get(), probe.get()];
    const arrivals = [await probe.next(), await probe.next()] as const;
    first.close(constants.NGHTTP2_CANCEL);
    expect(await aborted(arrivals[0].scope.signal)).toBeInstanceOf(ClientDisconnected);
    expect(arrivals[1].scope.signal.aborted).toBe(false);
    arrivals[1].res.end('still here');
    await once(second.setEncoding('utf8'), 'data');
    expect(arrivals[1].scope.signal.aborted).toBe(false);
  });

  test('a connection that is gone aborts the scopes of all its streams', async () => {
    await using probe = await startHttp2();
    for (const stream of [probe.get(), probe.get()]) stream.on('error', () => {});
    const scopes = [(await probe.next()).scope, (await probe.next()).scope];
    probe.client.destroy();
    for (const { signal } of scopes) {
      expect(await aborted(signal)).toBeInstanceOf(ClientDisconnected);
    }
  });

  test('an answer that was read to its end is no hang-up', async () => {
    await using probe = await startHttp2();
    const stream = probe.get();
    const { res, scope } = await probe.next();
    res.end('all');
    await once(stream.resume(), 'close');
    expect(scope.signal.aborted).toBe(false);
  });

  test('a connection past its maximum age takes no more streams, and finishes those it has', async () => {
    await using probe = await startHttp2(new GracefulShutdown(), 0);
    const stream = probe.get().setEncoding('utf8');
    const { res } = await probe.next();
    await once(probe.client, 'goaway');
    res.end('still here');
    expect(await once(stream, 'data')).toEqual(['still here']);
    await once(probe.client, 'close');
  });

  test('a budget is read', async () => {
    await using probe = await startHttp2();
    probe.get({ 'x-envoy-expected-rq-timeout-ms': '60000' });
    const { scope } = await probe.next();
    expect(scope.remainingMs).toBeLessThanOrEqual(60_000);
    scope[Symbol.dispose]();
  });

  test('a drain lets a stream end, and closes the session', async () => {
    const shutdown = new GracefulShutdown();
    await using probe = await startHttp2(shutdown);
    const stream = probe.get();
    const { res, scope } = await probe.next();
    const closed = once(probe.client, 'close');
    const drained = shutdown.drain(LONG_MS);
    expect(scope.signal.aborted).toBe(false);
    res.end('in time');
    scope[Symbol.dispose]();
    expect(String(await once(stream.setEncoding('utf8'), 'data'))).toBe('in time');
    await Promise.all([closed, drained]);
  });

  test('a drain ends a session whose first request comes while it goes on accepting', async () => {
    const shutdown = new GracefulShutdown();
    await using probe = await startHttp2(shutdown);
    await once(probe.client, 'connect');
    let isDrained = false;
    shutdown.drain(LONG_MS, 5_000).then(() => {
      isDrained = true;
    });
    const stream = probe.get();
    const { res, scope } = await probe.next();
    await once(probe.client, 'goaway');
    res.end('still served');
    scope[Symbol.dispose]();
    expect(String(await once(stream.setEncoding('utf8'), 'data'))).toBe('still served');
    await once(probe.client, 'close');
    expect(isDrained).toBe(false);
  });

  test('a drain aborts the remaining streams', async () => {
    const shutdown = new GracefulShutdown();
    await using probe = await startHttp2(shutdown);
    probe.get().on('error', () => {});
    const { scope } = await probe.next();
    const drained = shutdown.drain(10);
    expect(await aborted(scope.signal)).toBeInstanceOf(ShuttingDown);
    scope[Symbol.dispose]();
    await drained;
  });

  test('a scope that ends by itself is aborted by a hang-up, and a drain waits until its handler ends the response', async () => {
    const shutdown = new GracefulShutdown();
    const server = createHttp2();
    const arrivals: { scope: Scope; res: Http2ServerResponse }[] = [];
    server.on('request', (req, res) => {
      prepareScope(req, res, { shutdown });
      arrivals.push({ scope: scopeOf(res), res });
    });
    shutdown.attach(server);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const client = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const stream = client.request().on('error', () => {});
    await once(server, 'request');
    stream.close(constants.NGHTTP2_CANCEL);
    const [arrival] = arrivals;
    if (!arrival) throw new Error('nothing has arrived');
    expect(await aborted(arrival.scope.signal)).toBeInstanceOf(ClientDisconnected);
    let isDrained = false;
    const drained = shutdown.drain(LONG_MS).then(() => {
      isDrained = true;
    });
    await settled();
    expect(isDrained).toBe(false);
    arrival.res.end();
    expect(shutdown.inFlight).toBe(0);
    await drained;
    client.destroy();
  });

  test('streams that came together are all served by a session that is told to close', async () => {
    const shutdown = new GracefulShutdown();
    await using probe = await startHttp2(shutdown);
    await once(probe.client, 'remoteSettings');
    shutdown.drain(LONG_MS, LONG_MS);
    const streams = [probe.get(), probe.get(), probe.get()].map((it) => it.setEncoding('utf8'));
    const heard = streams.map((stream) => once(stream, 'data'));
    for (const _ of streams) (await probe.next()).res.end('served');
    expect(await Promise.all(heard)).toEqual([['served'], ['served'], ['served']]);
    await once(probe.client, 'close');
  });

  test('a stream in transit to an idle session is served when the server stops accepting', async () => {
    const shutdown = new GracefulShutdown();
    await using probe = await startHttp2(shutdown);
    await once(probe.client, 'remoteSettings');
    const drained = shutdown.drain(LONG_MS);
    const stream = probe.get().setEncoding('utf8');
    const { res, scope } = await probe.next();
    res.end('served');
    scope[Symbol.dispose]();
    expect(await once(stream, 'data')).toEqual(['served']);
    await drained;
  });

  test('a server that listens only to streams gets no request listener, and its streams are waited for', async () => {
    const shutdown = new GracefulShutdown();
    const server = createHttp2({ settings: { enableConnectProtocol: true } });
    server.on('stream', (stream, headers) => {
      stream.on('error', () => {}).respond({ ':status': 200 });
      if (headers[':method'] !== 'CONNECT') setImmediate(() => stream.end('answer'));
    });
    shutdown.attach(server);
    expect(server.listenerCount('request')).toBe(0);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const client = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    await once(client, 'remoteSettings');
    const tunnel = client.request({ ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/' });
    const [opened] = await once(
      tunnel.on('error', () => {}),
      'response',
    );
    const odd = client.request({ ':path': '/', expect: 'the unexpected' }).setEncoding('utf8');
    await once(server, 'stream');
    const drained = shutdown.drain(LONG_MS);
    expect([opened[':status'], ...(await once(odd, 'data'))]).toEqual([200, 'answer']);
    await drained;
    client.destroy();
  });
});
