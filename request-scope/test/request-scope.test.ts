import { AsyncLocalStorage } from 'node:async_hooks';
import { errorMonitor, once } from 'node:events';
import { createServer, IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { ClientDisconnected, GracefulShutdown, requestScope } from '../src/index.ts';
import { prepareScope, scopeOf } from '../src/request-scope.ts';
import { aborted, settled, timers } from './event-loop.ts';
import { arrivalQueue, get, listen, post, startProbe } from './probe.ts';

describe('the client leaves', () => {
  test.each([
    ['a GET, by closing', get(), 'destroy'],
    ['a GET, by a reset', get(), 'resetAndDestroy'],
    ['a GET, by a half-close', get(), 'end'],
    ['a POST whose body was read', post('x'.repeat(1000)), 'destroy'],
    ['a POST whose body has 2 MB', post('x'.repeat(2_000_000)), 'destroy'],
    ['a POST, by a half-close', post('x'), 'end'],
  ] as const)('%s', async (_row, text, leave) => {
    await using probe = await startProbe();
    const client = await probe.connect(text);
    const { scope } = await probe.next();
    client[leave]();
    expect(await aborted(scope.signal)).toBeInstanceOf(ClientDisconnected);
  });

  test.each([
    ['two pipelined GETs', get() + get()],
    ['two pipelined POSTs, bodies read', post('x') + post('x')],
  ])('%s: both stop', async (_row, text) => {
    await using probe = await startProbe();
    const client = await probe.connect(text);
    const first = await probe.next();
    const second = await probe.next();
    client.destroy();
    expect(await aborted(first.scope.signal)).toBeInstanceOf(ClientDisconnected);
    expect(await aborted(second.scope.signal)).toBeInstanceOf(ClientDisconnected);
  });

  test('the reason has no stack, which would show only internals of Node', async () => {
    await using probe = await startProbe();
    const client = await probe.connect(get());
    const { scope } = await probe.next();
    client.destroy();
    const reason = await aborted(scope.signal);
    expect(Object(reason).stack).toBe('ClientDisconnected: client disconnected');
  });

  test('before the handler begins: aborted from the start', async () => {
    await using probe = await startProbe();
    const client = await probe.connect(get());
    const { req, res } = await probe.next();
    client.destroy();
    await new Promise((resolve) => req.socket.once('close', resolve));
    expect(requestScope(req, res).signal.reason).toBeInstanceOf(ClientDisconnected);
  });
});

describe('the client stays', () => {
  test.each([
    ['a GET', get()],
    ['a POST whose body was read', post('x'.repeat(1000))],
    ['a POST without a body', post('')],
  ])('%s: no false alarm, and the answer arrives', async (_row, text) => {
    await using probe = await startProbe();
    const client = await probe.connect(text);
    const { scope, res } = await probe.next();
    await settled();
    expect(scope.signal.aborted).toBe(false);
    res.end('patience');
    const [answer] = await once(client, 'data');
    expect(String(answer)).toContain('patience');
    await settled();
    expect(scope.signal.aborted).toBe(false);
  });

  test('on a kept-alive connection only the request that is under way is aborted', async () => {
    await using probe = await startProbe();
    const client = await probe.connect(get());
    const first = await probe.next();
    first.res.end();
    first.scope[Symbol.dispose]();
    client.write(get());
    const second = await probe.next();
    client.destroy();
    await aborted(second.scope.signal);
    expect(first.scope.signal.aborted).toBe(false);
  });
});

describe('a close after the answer is no hang-up', () => {
  test.each([
    ['over HTTP/1.0', 'GET / HTTP/1.0\r\n\r\n'],
    ['with Connection: close', get('Connection: close\r\n')],
  ])('%s', async (_row, text) => {
    await using probe = await startProbe();
    await probe.connect(text);
    const { req, res, scope } = await probe.next();
    const closed = once(req.socket, 'close');
    res.end('done');
    await closed;
    expect(scope.signal.aborted).toBe(false);
  });

  test('during a drain', async () => {
    const shutdown = new GracefulShutdown();
    await using probe = await startProbe(shutdown);
    await probe.connect(get());
    const { req, res, scope } = await probe.next();
    const closed = once(req.socket, 'close');
    const drained = shutdown.drain(60_000);
    res.end('done');
    await closed;
    expect(scope.signal.aborted).toBe(false);
    scope[Symbol.dispose]();
    await drained;
  });
});

describe('what it leaves behind', () => {
  test('nothing on the socket: it has as many listeners after twenty requests as after one', async () => {
    await using probe = await startProbe();
    const client = await probe.connect();
    const counts = new Set<number>();
    for (let count = 0; count < 20; count += 1) {
      client.write(get());
      const { req, res, scope } = await probe.next();
      const { socket } = req;
      res.end();
      scope[Symbol.dispose]();
      const heard = ['end', 'error', 'close', errorMonitor].map((it) => socket.listenerCount(it));
      counts.add(heard.reduce((sum, more) => sum + more));
    }
    expect(counts.size).toBe(1);
  });

  test('no timer, although the budget was long', async () => {
    await using probe = await startProbe();
    await probe.connect(get('x-envoy-expected-rq-timeout-ms: 60000\r\n'));
    const { scope } = await probe.next();
    const before = timers();
    scope[Symbol.dispose]();
    expect(timers()).toBe(before - 1);
  });

  test('no listener warning for twenty pipelined requests', async () => {
    const warnings: Error[] = [];
    const note = (warning: Error) => warnings.push(warning);
    process.on('warning', note);
    await using probe = await startProbe();
    await probe.connect(get().repeat(20));
    for (let count = 0; count < 20; count += 1) await probe.next();
    await settled();
    process.off('warning', note);
    expect(warnings).toEqual([]);
  });
});

test.each([
  ['a hang-up', 'client-disconnected', get()],
  ['a deadline', 'deadline-exceeded', get('x-envoy-expected-rq-timeout-ms: 10\r\n')],
])('at %s a listener runs in the context of the request', async (_row, code, text) => {
  const requests = new AsyncLocalStorage<string>();
  const { push, next } = arrivalQueue<{ seen?: unknown[] }>();
  const server = createServer((req, res) =>
    requests.run('this one', () => {
      const { signal } = requestScope(req, res);
      const seen = () => [requests.getStore(), signal.reason.code];
      signal.addEventListener('abort', () => push({ seen: seen() }));
      push({});
    }),
  );
  await using listening = await listen(server);
  const client = await listening.connect(text);
  await next();
  if (code === 'client-disconnected') client.destroy();
  expect((await next()).seen).toEqual(['this one', code]);
});

test.each([
  ['no socket', undefined],
  ['an object in its place', {}],
])('a request of a mock with %s has a scope, without hang-ups', (_row, socket) => {
  const req = Object.assign(Object.create(IncomingMessage.prototype), { headers: {} });
  Object.defineProperty(req, 'socket', { value: socket });
  const res = new ServerResponse(req);
  const budget = { 'x-envoy-expected-rq-timeout-ms': '60000' };
  using scope = requestScope(Object.assign(req, { headers: budget }), res);
  expect(scope.remainingMs).toBeGreaterThan(0);
  prepareScope(req, res, {});
  scopeOf(res)[Symbol.dispose]();
});

test('the scope of a Lambda adapter, whose sockets are objects, ends with the response', async () => {
  const shutdown = new GracefulShutdown();
  const nothing = () => {};
  const written: string[] = [];
  const socket = {
    writable: true,
    _writableState: {},
    on: nothing,
    removeListener: nothing,
    destroy: nothing,
    cork: nothing,
    uncork: nothing,
    write(chunk: Buffer | string, encoding: unknown, then: unknown) {
      written.push(String(chunk));
      for (const callback of [encoding, then]) if (typeof callback === 'function') callback();
    },
  } as unknown as Socket;
  const req = new IncomingMessage(socket);
  const res = new ServerResponse(req);
  res.assignSocket(socket);
  prepareScope(req, res, { shutdown });
  const { signal } = scopeOf(res);
  expect(shutdown.inFlight).toBe(1);
  const finished = once(res, 'finish');
  res.end('answer');
  await finished;
  expect(written.join('')).toContain('answer');
  expect(shutdown.inFlight).toBe(0);
  expect(signal.aborted).toBe(false);
});
