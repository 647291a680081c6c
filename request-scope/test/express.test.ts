import { once } from 'node:events';
import { createServer } from 'node:http';
import express, { type Response } from 'express';
import { expect, test } from 'vitest';
import { scopeOf, scopes } from '../src/express.ts';
import { GracefulShutdown } from '../src/index.ts';
import { budget, keepsTheContract, LONG_MS, type Served, type Start } from './adapter-contract.ts';
import { settled, timers } from './event-loop.ts';
import { arrivalQueue, get, listen } from './probe.ts';

const start: Start = async (shutdown) => {
  const { push, next } = arrivalQueue<Served>();
  const app = express().use(scopes({ shutdown }), express.json());
  app.all('/', (req, res) => {
    const { socket, body } = req;
    push({ scope: scopeOf(res), socket, body, answer: () => res.send('answer') });
  });
  const server = createServer(app);
  shutdown.attach(server);
  return { server, next };
};

keepsTheContract(start);

/** Resolves or rejects as `handler` does for a GET. */
async function inHandler<T>(handler: (res: Response) => T | Promise<T>, app = express()) {
  const { push, next } = arrivalQueue<{ outcome: Promise<T> }>();
  app.use((_req, res) => push({ outcome: Promise.resolve().then(() => handler(res)) }));
  await using listening = await listen(createServer(app));
  await listening.connect(get(budget(LONG_MS)));
  return await (await next()).outcome;
}

const withScopes = (shutdown?: GracefulShutdown) => express().use(scopes({ shutdown }));

/** The timers: all that a scope holds, since the listeners belong to the connection. */
const held = () => timers();

test('scopeOf gives a request one scope', async () => {
  const scopes = await inHandler((res) => [scopeOf(res), scopeOf(res)], withScopes());
  expect(scopes[0]).toBe(scopes[1]);
});

test('a handler may end it early, and twice', async () => {
  const [before, during, after] = await inHandler((res) => {
    const atFirst = held();
    using scope = scopeOf(res);
    const open = held();
    scope[Symbol.dispose]();
    return [atFirst, open, held()];
  }, withScopes());
  expect(during).toBe(Number(before) + 1);
  expect(after).toBe(before);
});

test('without the middleware scopeOf throws an error that names it', async () => {
  await expect(inHandler(scopeOf)).rejects.toThrow(
    /^There is no scope for this request: use scopes first$/,
  );
});

test('a scope that is opened after the answer, as by a logger, has ended already', async () => {
  const [before, after] = await inHandler(async (res) => {
    await once(res.end(), 'finish');
    await settled();
    const atFirst = held();
    expect(scopeOf(res).signal.aborted).toBe(false);
    return [atFirst, held()];
  }, withScopes());
  expect(after).toBe(before);
});

test('a drain waits for the clean-up of a handler whose client has left', async () => {
  const shutdown = new GracefulShutdown();
  const { push, next } = arrivalQueue<AbortSignal>();
  const order: string[] = [];
  const app = express().use(scopes({ shutdown }), async (_req, res) => {
    using scope = scopeOf(res);
    push(scope.signal);
    await once(scope.signal, 'abort');
    await settled();
    order.push('cleaned up');
  });
  const server = createServer(app);
  shutdown.attach(server);
  await using listening = await listen(server);
  const client = await listening.connect(get());
  const signal = await next();
  client.destroy();
  await once(signal, 'abort');
  await shutdown.drain(LONG_MS);
  expect([...order, 'drained']).toEqual(['cleaned up', 'drained']);
});
