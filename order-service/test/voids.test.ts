import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { ClientDisconnected, Scope, ShuttingDown } from '@orders/cancellation';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { readConfig } from '../src/config.ts';
import { processPayment } from '../src/payment-client.ts';
import { Voids } from '../src/voids.ts';
import { portOf } from './stage.ts';

const lines: string[] = [];
const log = pino({}, { write: (line) => lines.push(JSON.parse(line).msg) });
const order = { productID: '1', orderID: '2', idempotencyKey: 'key', headers: {}, log };

test('a void that was acknowledged as time ran out is not called unknown', async () => {
  const voids = new Voids(60_000);
  voids.add(order, async (scope) => scope.abort(new ShuttingDown()));
  await voids.finish(new AbortController().signal);
  expect(lines).toEqual([]);
});

test('an abort between the answer and its reader leaves the outcome unknown: it is voided', async () => {
  const server = createServer((req, res) => {
    for (const name of ['x-request-id', 'idempotency-key']) {
      res.setHeader(name, String(req.headers[name]));
    }
    res.end('paid');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const config = readConfig({ PAYMENT_URL: `http://127.0.0.1:${portOf(server)}` });
  const voids = new Voids(60_000);
  using scope = new Scope();
  // The last moment before the adapter resolves; axios looks at the signal once more after it.
  const abort = () => queueMicrotask(() => scope.abort(new ClientDisconnected()));
  subscribe('undici:request:trailers', abort);
  const payment = processPayment(
    { ...order, headers: { 'x-request-id': 'a' } },
    config,
    voids,
    scope,
  );
  await expect(payment).rejects.toThrow('Order canceled: client disconnected');
  unsubscribe('undici:request:trailers', abort);
  expect(voids.size).toBe(1);
  await voids.finish(new AbortController().signal);
  server.close().closeAllConnections();
});
