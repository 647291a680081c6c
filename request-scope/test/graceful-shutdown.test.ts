import { EventEmitter, once } from 'node:events';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { GracefulShutdown, Scope, ShuttingDown } from '../src/index.ts';
import { REGISTER } from '../src/register.ts';
import { aborted, settled, timers } from './event-loop.ts';
import { get, hearing, startProbe } from './probe.ts';

const LONG_MS = 60_000;

test('waits for the request in flight, whose answer closes the kept-alive connection', async () => {
  const shutdown = new GracefulShutdown();
  await using probe = await startProbe(shutdown);
  const client = await probe.connect(get());
  const { res, scope } = await probe.next();
  const drained = shutdown.drain(LONG_MS);
  expect(shutdown.draining).toBe(true);
  expect(shutdown.inFlight).toBe(1);
  await settled();
  expect(scope.signal.aborted).toBe(false);
  res.end('in time');
  scope[Symbol.dispose]();
  const [answer] = await once(client, 'data');
  expect(String(answer)).toMatch(/Connection: close\r\n[\s\S]*in time/);
  await drained;
  expect(shutdown.inFlight).toBe(0);
});

test('refuses new connections and closes the silent ones', async () => {
  const shutdown = new GracefulShutdown();
  await using probe = await startProbe(shutdown);
  const silent = await probe.connect();
  await probe.connect(get()).then(() => probe.next());
  const closed = once(silent, 'end');
  const drained = shutdown.drain(20);
  const late = connect(probe.port, '127.0.0.1');
  const [error] = await once(late, 'error');
  expect(error.code).toBe('ECONNREFUSED');
  await Promise.all([closed, drained]);
});

test('a request that completes while draining is served, and its connection closed', async () => {
  const shutdown = new GracefulShutdown();
  await using probe = await startProbe(shutdown);
  await probe.connect(get());
  const inFlight = await probe.next();
  const client = await probe.connect('GET / HTTP/1.1\r\n');
  await probe.hasRead(client);
  const drained = shutdown.drain(LONG_MS);
  client.write('Host: localhost\r\n\r\n');
  const { res, scope } = await probe.next();
  res.end('late');
  scope[Symbol.dispose]();
  const [answer] = await once(client, 'data');
  expect(String(answer)).toMatch(/Connection: close\r\n[\s\S]*late/);
  inFlight.res.end();
  inFlight.scope[Symbol.dispose]();
  await drained;
});

test('aborts the remaining requests after the timeout, and lets them answer', async () => {
  const shutdown = new GracefulShutdown();
  await using probe = await startProbe(shutdown);
  const client = await probe.connect(get());
  const { res, scope } = await probe.next();
  const drained = shutdown.drain(10);
  expect(await aborted(scope.signal)).toBeInstanceOf(ShuttingDown);
  res.end('too late');
  scope[Symbol.dispose]();
  const [answer] = await once(client, 'data');
  expect(String(answer)).toContain('too late');
  await drained;
});

test('does not wait for ever for a handler that ignores its signal', async () => {
  const shutdown = new GracefulShutdown();
  await using probe = await startProbe(shutdown);
  const client = await probe.connect(get());
  await probe.next();
  const closed = once(client, 'end');
  await Promise.all([closed, shutdown.drain(10)]);
});

test('goes on accepting for its delay, while draining is true', async () => {
  const shutdown = new GracefulShutdown();
  await using probe = await startProbe(shutdown);
  shutdown.drain(LONG_MS, LONG_MS);
  expect(shutdown.draining).toBe(true);
  expect(shutdown.signal.aborted).toBe(false);
  const client = await probe.connect(get());
  const { res, scope } = await probe.next();
  res.end('still here');
  scope[Symbol.dispose]();
  const [answer] = await once(client, 'data');
  expect(String(answer)).toMatch(/Connection: close\r\n[\s\S]*still here/);
  expect(shutdown.signal.aborted).toBe(false);
});

test('accepts nothing once its delay has passed', async () => {
  const shutdown = new GracefulShutdown();
  await using probe = await startProbe(shutdown);
  const drained = shutdown.drain(LONG_MS, 10);
  await aborted(shutdown.signal);
  const late = connect(probe.port, '127.0.0.1');
  const [error] = await once(late, 'error');
  expect(error.code).toBe('ECONNREFUSED');
  await drained;
});

test('a second drain is the first one', async () => {
  const shutdown = new GracefulShutdown();
  await using probe = await startProbe(shutdown);
  await probe.connect(get());
  const { res, scope } = await probe.next();
  const drained = shutdown.drain(LONG_MS);
  expect(shutdown.drain(0)).toBe(drained);
  res.end();
  scope[Symbol.dispose]();
  await drained;
});

test('a client that hangs up while draining is not waited for', async () => {
  const shutdown = new GracefulShutdown();
  await using probe = await startProbe(shutdown);
  const client = await probe.connect(get() + get());
  const first = await probe.next();
  const second = await probe.next();
  const drained = shutdown.drain(LONG_MS);
  client.destroy();
  await Promise.all([aborted(first.scope.signal), aborted(second.scope.signal)]);
  first.scope[Symbol.dispose]();
  second.scope[Symbol.dispose]();
  await drained;
});

test('a hook that rejects stops neither the other hooks nor the drain, which rejects in the end', async () => {
  const shutdown = new GracefulShutdown();
  await using probe = await startProbe(shutdown);
  const client = await probe.connect('GET / HTTP/1.1\r\n'); // half a request
  await probe.hasRead(client);
  let finished = false;
  shutdown.afterRequests(() => Promise.reject(new Error('no good')), LONG_MS);
  shutdown.afterRequests(async () => {
    await settled();
    finished = true;
  }, LONG_MS);
  const closed = once(client, 'end');
  await expect(shutdown.drain(LONG_MS)).rejects.toThrow('no good');
  await closed;
  expect(finished).toBe(true);
});

test('runs the hook after the requests, and aborts it when its time is up', async () => {
  const shutdown = new GracefulShutdown();
  await using probe = await startProbe(shutdown);
  await probe.connect(get());
  const { res, scope } = await probe.next();
  const order: string[] = [];
  shutdown.afterRequests(async (signal) => {
    order.push('hook begins');
    await aborted(signal);
    order.push('hook is aborted');
  }, 30);
  const drained = shutdown.drain(LONG_MS);
  order.push('answer');
  res.end();
  scope[Symbol.dispose]();
  await drained;
  expect(order).toEqual(['answer', 'hook begins', 'hook is aborted']);
});

test('a drain keeps the process alive until it has ended, and no longer', async () => {
  const shutdown = new GracefulShutdown();
  const unregister = shutdown[REGISTER](new Scope());
  const before = timers();
  const drained = shutdown.drain(LONG_MS);
  expect(timers()).toBe(before + 1);
  unregister();
  await drained;
  expect(timers()).toBe(before);
});

test('a drain is for all servers that it was attached to', async () => {
  const shutdown = new GracefulShutdown();
  await using one = await startProbe(shutdown);
  await using two = await startProbe(shutdown);
  const client = await one.connect(get());
  const heard = hearing(client);
  const { res, scope } = await one.next();
  const drained = shutdown.drain(LONG_MS);
  await settled();
  expect([one.server.listening, two.server.listening]).toEqual([false, false]);
  scope[Symbol.dispose]();
  await settled();
  res.end('in time');
  await Promise.all([heard('in time'), drained]);
});

test('a time that is not a number is a RangeError at once', () => {
  const shutdown = new GracefulShutdown();
  const missing = undefined as unknown as number;
  expect(() => shutdown.afterRequests(async () => {}, missing)).toThrow(RangeError);
  expect(() => shutdown.drain(missing)).toThrow(RangeError);
  expect(() => shutdown.drain(0, Number.NaN)).toThrow(RangeError);
  expect(shutdown.draining).toBe(false);
});

test('a server that is no net.Server, as in Bun, is closed by its own close()', async () => {
  class BunServer extends EventEmitter {
    listening = true;
    close() {
      this.listening = false;
    }
  }
  const server = new BunServer();
  const shutdown = new GracefulShutdown();
  shutdown.attach(server as unknown as Server);
  await shutdown.drain(LONG_MS);
  expect(server.listening).toBe(false);
});
