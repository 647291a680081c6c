import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { PerformanceObserver } from 'node:perf_hooks';
import { Axios } from 'axios';
import { Scope, ShuttingDown } from 'request-scope';
import { afterEach, describe, expect, test } from 'vitest';
import * as faults from '../../../harness/faulty-server.ts';
import { wasNeverSent } from '../../src/downstream/never-sent.ts';
import { undiciAdapter } from '../../src/downstream/undici-adapter.ts';
import { MAX_BYTES, outcome } from './call-outcome.ts';
import {
  type Behaviour,
  closed,
  closeServers,
  OK,
  sends,
  sendsAndCloses,
  serve,
} from './raw-server.ts';

afterEach(closeServers);

const BROKEN = 'Step failed: there sent a broken answer';
const RESET = 'Step failed: there is unreachable (ECONNRESET)';

const ANSWERS: [name: string, behave: Behaviour, reads: string][] = [
  ['an answer', sends(`${OK}Content-Length: 2\r\n\r\nok`), 'ok'],
  [
    'an answer in chunks',
    sends(`${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`),
    'ok',
  ],
  ['an answer that ends with its connection', sendsAndCloses(`${OK}\r\nok`), 'ok'],
  ['an empty answer', sends(`${OK}Content-Length: 0\r\n\r\n`), ''],
  [
    'an early hint first',
    sends(`HTTP/1.1 103 Early\r\n\r\n${OK}Content-Length: 2\r\n\r\nok`),
    'ok',
  ],
  [
    '500',
    sends('HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno'),
    'Step failed: there answered 500',
  ],
  ['404', faults.answerStatus(404), 'Step failed: there answered 404'],
  ['201', faults.answerStatus(201), 'Step failed: there answered 201'],
  ['a redirect', faults.redirect, 'Step failed: there answered 302'],
  ['a reset', faults.reset, RESET],
  ['a close without an answer', faults.closeWithoutAnswer, RESET],
  ['a close in the status line', sendsAndCloses('HTTP/1.1 20'), RESET],
  ['a close in the headers', sendsAndCloses(`${OK}Content-Le`), RESET],
  ['a close in the body', faults.halfAnswerThenClose, BROKEN],
  ['a close in a chunk', sendsAndCloses(`${OK}Transfer-Encoding: chunked\r\n\r\n9\r\nok`), BROKEN],
  [
    'a close in the body of a 500',
    sendsAndCloses('HTTP/1.1 500 No\r\nContent-Length: 9\r\n\r\nno'),
    'Step failed: there answered 500',
  ],
  ['another protocol', faults.answerInAnotherProtocol, BROKEN],
  ['nonsense', sends('nonsense\r\n\r\n'), BROKEN],
  ['nonsense in a chunk', sends(`${OK}Transfer-Encoding: chunked\r\n\r\nzz\r\n`), BROKEN],
  ['headers without end', faults.floodHeaders, BROKEN],
  ['a header of 100 kB', sends(`${OK}X: ${'x'.repeat(100_000)}`), BROKEN],
  ['two lengths', sends(`${OK}Content-Length: 2\r\nContent-Length: 3\r\n\r\nok`), BROKEN],
  ['a body without end', faults.floodBody, BROKEN],
  ['a long body with 500', sends(`HTTP/1.1 500 No\r\n\r\n${'x'.repeat(MAX_BYTES * 100)}`), BROKEN],
];

const SILENCES: [name: string, behave: Behaviour][] = [
  ['before the headers', faults.neverAnswer],
  ['in the headers', sends(OK)],
  ['in the body', faults.stallAfterHeaders],
  ['in a drip', faults.drip],
];

describe.each([
  ["axios' own adapter", 'http' as const],
  ['our adapter', undiciAdapter({ 'x-request-id': 'abc' })],
])('%s', (_name, adapter) => {
  test.each(ANSWERS)('reads %s', async (_answer, behave, reads) => {
    const { port } = await serve(behave);
    expect(await outcome(adapter, `http://127.0.0.1:${port}/check`)).toBe(reads);
  });

  test('says that the connection is refused', async () => {
    const { port } = await serve(() => {});
    closeServers();
    const code = '(ECONNREFUSED)';
    expect(await outcome(adapter, `http://localhost:${port}/check`)).toContain(code);
  });

  test('says that there is no such host', async () => {
    expect(await outcome(adapter, 'http://nowhere.invalid/')).toMatch(/\((ENOTFOUND|EAI_AGAIN)\)/);
  });

  test.each(SILENCES)(
    'is ended by the deadline %s, and the connection with it',
    async (_when, behave) => {
      const { port, sockets } = await serve(behave);
      const reads = await outcome(adapter, `http://127.0.0.1:${port}/check`, new Scope(60));
      expect(reads).toBe('Step failed: deadline exceeded');
      await closed(sockets);
    },
  );

  test('is ended while the connection opens, and the connection with it', async () => {
    // With https, a silent server leaves its client in the TLS handshake.
    const { port, sockets } = await serve(faults.neverAnswer);
    const reads = await outcome(adapter, `https://127.0.0.1:${port}/check`, new Scope(60));
    expect(reads).toBe('Step failed: deadline exceeded');
    await closed(sockets);
  });

  test('opens no connection once the signal has aborted', async () => {
    const { port, sockets } = await serve(faults.neverAnswer);
    const scope = new Scope();
    scope.abort(new ShuttingDown());
    const reads = await outcome(adapter, `http://127.0.0.1:${port}/check`, scope);
    expect(reads).toBe('Order canceled: service shutting down');
    expect(sockets).toEqual([]);
  });

  test('sends what it is given', async () => {
    const requests: string[] = [];
    const { port } = await serve((socket, request) => {
      requests.push(request);
      socket.write(`${OK}Content-Length: 2\r\n\r\nok`);
    });
    const http = new Axios({ adapter });
    const headers = { 'x-request-id': 'abc' };
    const baseURL = `http://127.0.0.1:${port}`;
    const url = '/base/pay?id=a+b%26%C3%A9';
    await http.request({ method: 'POST', baseURL, url, headers });
    expect(requests[0]).toMatch(/^POST \/base\/pay\?id=a\+b%26%C3%A9 HTTP\/1\.1\r\n/);
    expect(requests[0]).toMatch(/\r\nx-request-id: abc\r\n/);
    expect(requests[0]).toMatch(/\r\ncontent-length: 0\r\n/i);
  });
});

test('our adapter reads a reset in the body, where the axios adapter may lose the status', async () => {
  const { port, sockets } = await serve(sends(`${OK}Content-Length: 9\r\n\r\nok`));
  // A reset discards what was sent and not read yet.
  const reset = () => sockets[0]?.resetAndDestroy();
  subscribe('undici:request:headers', reset);
  expect(await outcome(undiciAdapter({}), `http://127.0.0.1:${port}/check`)).toBe(BROKEN);
  unsubscribe('undici:request:headers', reset);
});

test('our adapter reads an unexpected 101, on which the axios adapter waits for ever', async () => {
  const upgrade = `HTTP/1.1 101 No\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n`;
  const { port } = await serve(sends(upgrade));
  expect(await outcome(undiciAdapter({}), `http://127.0.0.1:${port}/check`)).toBe(BROKEN);
});

describe('our adapter', () => {
  test('uses a connection again, and none that was aborted', async () => {
    const scope = new Scope();
    const { port, sockets } = await serve((socket, request) => {
      if (request.includes('/silent')) scope.abort(new ShuttingDown());
      else socket.write(`${OK}Content-Length: 2\r\n\r\nok`);
    });
    const url = `http://127.0.0.1:${port}`;
    await outcome(undiciAdapter({}), `${url}/check`);
    await outcome(undiciAdapter({}), `${url}/check`);
    expect(sockets).toHaveLength(1);
    await outcome(undiciAdapter({}), `${url}/silent`, scope);
    await outcome(undiciAdapter({}), `${url}/check`);
    expect(sockets).toHaveLength(2);
  });

  test('keeps no call waiting for another', async () => {
    const { port, sockets } = await serve(faults.neverAnswer);
    const scopes = Array.from({ length: 300 }, () => new Scope());
    const calls = scopes.map((scope) =>
      outcome(undiciAdapter({}), `http://127.0.0.1:${port}/check`, scope),
    );
    await expect.poll(() => sockets.length).toBe(300);
    for (const scope of scopes) scope.abort(new ShuttingDown());
    await Promise.all(calls);
    await closed(sockets);
  });

  test('stops every call of a crowd before the first of them is reported', async () => {
    const { port, sockets } = await serve(faults.neverAnswer);
    const opened: Socket[] = [];
    const open = (message: unknown) => void opened.push((message as { socket: Socket }).socket);
    subscribe('net.client.socket', open);
    const scopes = [new Scope(), new Scope(), new Scope()];
    const stopped = scopes.map(async (scope) => {
      await outcome(undiciAdapter({}), `http://127.0.0.1:${port}/check`, scope);
      return opened.filter(({ destroyed }) => destroyed).length;
    });
    await expect.poll(() => sockets.length).toBe(3);
    unsubscribe('net.client.socket', open);
    for (const scope of scopes) setImmediate(() => scope.abort(new ShuttingDown()));
    expect(await Promise.all(stopped)).toEqual([3, 3, 3]);
  });

  test('ends a call whose answer comes in the turn of its abort, and its connection', async () => {
    const { port, sockets } = await serve(sends(`${OK}Content-Length: 2\r\n\r\nok`));
    const url = `http://127.0.0.1:${port}/check`;
    const scope = new Scope();
    const abort = () => scope.abort(new ShuttingDown());
    subscribe('undici:request:headers', abort);
    const reads = await outcome(undiciAdapter({}), url, scope);
    unsubscribe('undici:request:headers', abort);
    expect(reads).toBe('Order canceled: service shutting down');
    expect(await outcome(undiciAdapter({}), url)).toBe('ok');
    await closed(sockets.slice(0, 1));
  });

  test('sends nothing if its connection opens in the turn of its abort', async () => {
    let sent = '';
    const { port, sockets } = await serve((_socket, request) => {
      sent += request;
    });
    const scope = new Scope();
    const abort = () => scope.abort(new ShuttingDown());
    subscribe('undici:client:connected', abort);
    const http = new Axios({ adapter: undiciAdapter({}), baseURL: `http://127.0.0.1:${port}` });
    const failure = await http.request({ url: '/check', signal: scope.signal }).catch((it) => it);
    unsubscribe('undici:client:connected', abort);
    await closed(sockets);
    expect([wasNeverSent(failure), sent]).toEqual([true, '']);
  });

  test('looks a name up once for all the calls that ask at the same time', async () => {
    const lookups: string[] = [];
    const observer = new PerformanceObserver((list) =>
      lookups.push(...list.getEntries().map(({ name }) => name)),
    );
    observer.observe({ entryTypes: ['dns'] });
    const { port } = await serve((socket) => socket.write(`${OK}Content-Length: 2\r\n\r\nok`));
    const url = `http://localhost:${port}/check`;
    await Promise.all(Array.from({ length: 50 }, () => outcome(undiciAdapter({}), url)));
    await expect.poll(() => lookups.length).toBeGreaterThan(0);
    observer.disconnect();
    expect(lookups).toEqual(['lookup']);
  });
});
