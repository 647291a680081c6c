import { once } from 'node:events';
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { expect, test } from 'vitest';
import {
  ClientDisconnected,
  DeadlineExceeded,
  GracefulShutdown,
  type Scope,
} from '../src/index.ts';
import { aborted, settled, timers } from './event-loop.ts';
import { get, hearing, listen, post } from './probe.ts';

export const LONG_MS = 600_000; // No test waits as long.
export const JSON_POST = post('{"sku":7}', 'Content-Type: application/json\r\n');
export const budget = (ms: number) => `x-envoy-expected-rq-timeout-ms: ${ms}\r\n`;

const MANY = 40;

/** A request whose handler waits for `answer`. */
export interface Served {
  scope: Scope;
  socket: Socket;
  body: unknown;
  answer: () => void;
}

export type Start = (shutdown: GracefulShutdown) => Promise<{
  server: Server;
  next: () => Promise<Served>;
}>;

/** An application of `start` that listens, and its next requests. */
export async function startAdapter(start: Start, shutdown = new GracefulShutdown()) {
  const { server, next } = await start(shutdown);
  return { ...(await listen(server)), server, next, shutdown };
}

/** Tests that hold for scopes in every framework. */
export function keepsTheContract(start: Start): void {
  test.each([
    ['a GET', get(), 'destroy', undefined],
    ['a GET, by a half-close', get(), 'end', undefined],
    ['a POST whose body was read', JSON_POST, 'destroy', { sku: 7 }],
  ] as const)('the client leaves %s: its scope aborts', async (_row, text, leave, body) => {
    await using app = await startAdapter(start);
    const client = await app.connect(text);
    const served = await app.next();
    expect(served.body).toEqual(body);
    await settled();
    expect(served.scope.signal.aborted).toBe(false);
    client[leave]();
    expect(await aborted(served.scope.signal)).toBeInstanceOf(ClientDisconnected);
    served.answer();
  });

  test.each([
    ['a GET', get()],
    ['a POST', JSON_POST],
    ['a GET with Connection: close', get('Connection: close\r\n')],
  ])('%s that is answered is no hang-up', async (_row, text) => {
    await using app = await startAdapter(start);
    const client = await app.connect(text);
    const heard = hearing(client);
    const { scope, answer } = await app.next();
    answer();
    await heard('answer');
    await settled();
    expect(scope.signal.aborted).toBe(false);
    client.destroy();
    await settled();
    expect(scope.signal.aborted).toBe(false);
  });

  test('a kept-alive connection keeps no listener and no timer of what it has answered', async () => {
    await using app = await startAdapter(start);
    const client = await app.connect();
    const heard = hearing(client);
    const listeners: number[] = [];
    for (let count = 0; count < MANY; count += 1) {
      client.write(count % 2 ? get(budget(LONG_MS)) : JSON_POST);
      const { socket, answer } = await app.next();
      answer();
      await heard('answer');
      await settled();
      listeners.push(socket.listenerCount('close'));
    }
    expect(new Set(listeners).size).toBe(1);
    expect(timers()).toBeLessThan(MANY / 2);
  });

  test.each([
    ['a GET', get()],
    ['a POST', JSON_POST],
  ])(
    'the client leaves %s: its scope ends when the handler ends the response',
    async (_row, text) => {
      await using app = await startAdapter(start);
      const client = await app.connect(text);
      const { scope, socket, answer } = await app.next();
      const closed = once(socket, 'close');
      client.destroy();
      await Promise.all([closed, aborted(scope.signal)]);
      await settled();
      expect(app.shutdown.inFlight).toBe(1);
      answer();
      await settled();
      expect(app.shutdown.inFlight).toBe(0);
    },
  );

  test('the budget ends it', async () => {
    await using app = await startAdapter(start);
    await app.connect(get(budget(10)));
    const { scope, answer } = await app.next();
    expect(await aborted(scope.signal)).toBeInstanceOf(DeadlineExceeded);
    answer();
  });

  test('a drain waits for the answer, and no longer', async () => {
    await using app = await startAdapter(start);
    const client = await app.connect(get());
    const { scope, answer } = await app.next();
    const heard = hearing(client);
    const drained = app.shutdown.drain(LONG_MS);
    await settled();
    expect(scope.signal.aborted).toBe(false);
    answer();
    await Promise.all([heard('answer'), drained]);
  });

  test('a drain after a hang-up does not wait for a handler that never ends', async () => {
    await using app = await startAdapter(start);
    for (const text of [get(), get(budget(10)), JSON_POST]) {
      const client = await app.connect(text);
      const { scope, socket, answer } = await app.next();
      if (text.includes('timeout')) await aborted(scope.signal);
      const closed = once(socket, 'close');
      client.destroy();
      await Promise.all([closed, aborted(scope.signal)]);
      answer();
    }
    await app.shutdown.drain(LONG_MS);
  });
}
