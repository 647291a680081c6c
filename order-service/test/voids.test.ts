import { ShuttingDown } from '@orders/cancellation';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { Voids } from '../src/voids.ts';

const lines: string[] = [];
const log = pino({}, { write: (line) => lines.push(JSON.parse(line).msg) });
const order = { productID: '1', orderID: '2', idempotencyKey: 'key', headers: {}, log };

test('a void that was acknowledged as time ran out is not called unknown', async () => {
  const voids = new Voids(60_000);
  voids.add(order, async (scope) => scope.abort(new ShuttingDown()));
  await voids.finish(new AbortController().signal);
  expect(lines).toEqual([]);
});
