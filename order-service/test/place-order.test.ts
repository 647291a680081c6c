import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { pino } from 'pino';
import { ClientDisconnected, DeadlineExceeded, Scope } from 'request-scope';
import { describe, expect, onTestFinished, test } from 'vitest';
import { portOf } from '../../harness/network.ts';
import { standStill } from '../../harness/time.ts';
import { placeOrder } from '../src/place-order.ts';
import { silent } from './canned-answers.ts';
import { dependenciesFor, paymentStep } from './dependencies.ts';

const log = pino({ level: 'silent' });
const order = { productID: '1', orderID: '2', paymentKey: 'key', requestId: 'a', log };

const LONG_MS = 60_000;

async function startServer(listener: RequestListener, timeoutMs = LONG_MS) {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${portOf(server)}`;
  const dependencies = dependenciesFor([paymentStep(url, timeoutMs)]);
  return {
    dependencies,
    voids: dependencies.voids,
    /** Resolves once a request has arrived. */
    request: once(server, 'request'),
    async [Symbol.asyncDispose]() {
      server.close().closeAllConnections();
    },
  };
}

test('a payment that is silent until its deadline is voided', async () => {
  await using server = await startServer(silent);
  const { dependencies, voids } = server;
  using scope = new Scope();
  const placed = placeOrder(order, dependencies, scope);
  await server.request;
  scope.abort(new DeadlineExceeded());
  await expect(placed).rejects.toThrow('Payment processing failed: deadline exceeded');
  expect(voids.size).toBe(1);
  await voids.finish(AbortSignal.abort());
});

const answering: RequestListener = (req, res) => {
  for (const name of ['x-request-id', 'idempotency-key']) {
    res.setHeader(name, String(req.headers[name]));
  }
  res.setHeader('x-operation', req.url?.startsWith('/pay') ? 'pay 2' : 'void 2').end('done');
};

describe('an order that was paid while the process stood still', () => {
  const LATE = 'Payment processing failed: deadline exceeded';
  const NEVER = Number.POSITIVE_INFINITY;
  const SOON = 300;

  test.each([
    ["its caller's budget", SOON, LONG_MS],
    ['the time of the call', NEVER, SOON],
  ])('has failed if %s was spent, and is voided', async (_what, budgetMs, timeoutMs) => {
    await using server = await startServer(answering, timeoutMs);
    const { dependencies, voids } = server;
    using scope = new Scope(budgetMs);
    const stand = () => standStill(SOON);
    subscribe('undici:request:trailers', stand);
    onTestFinished(() => void unsubscribe('undici:request:trailers', stand));
    const placed = placeOrder(order, dependencies, scope);
    await expect(placed).rejects.toThrow(LATE);
    expect(voids.size).toBe(1);
    await voids.finish(new AbortController().signal);
  });

  test('has failed if the budget was spent between its last step and its record', async () => {
    await using server = await startServer(answering);
    const { dependencies, voids } = server;
    using scope = new Scope(10);
    const send = async () => standStill(20);
    const placed = placeOrder(order, { ...dependencies, send }, scope);
    await expect(placed).rejects.toThrow(LATE);
    expect(voids.size).toBe(1);
    await voids.finish(new AbortController().signal);
  });
});

test('an abort between the answer and its reader leaves the outcome unknown: it is voided', async () => {
  await using server = await startServer(answering);
  const { dependencies, voids } = server;
  using scope = new Scope();
  // The last moment before the adapter resolves. axios checks the signal once more after that.
  const abort = () => queueMicrotask(() => scope.abort(new ClientDisconnected()));
  subscribe('undici:request:trailers', abort);
  const placed = placeOrder(order, dependencies, scope);
  await expect(placed).rejects.toThrow('Order canceled: client disconnected');
  unsubscribe('undici:request:trailers', abort);
  expect(voids.size).toBe(1);
  await voids.finish(new AbortController().signal);
});
