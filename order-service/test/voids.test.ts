import { once } from 'node:events';
import { pino } from 'pino';
import { type Scope, ShuttingDown } from 'request-scope';
import { beforeEach, expect, test } from 'vitest';
import { MemoryAttempts } from '../src/attempts/memory.ts';
import { paymentClient } from '../src/downstream/payment.ts';
import { CallFailed } from '../src/order-failed.ts';
import { takeBack, Voids } from '../src/voids.ts';

const lines: string[] = [];
beforeEach(() => void lines.splice(0));
const log = pino({}, { write: (line) => lines.push(JSON.parse(line).msg) });
const refused = new CallFailed('request-refused', {
  work: 'Order',
  step: 'Void',
  service: 'there',
});
const order = { productID: '1', orderID: '2', paymentKey: 'key', requestId: 'a', log };

const LONG_MS = 60_000;
const voidsBy = (voidPayment: ConstructorParameters<typeof Voids>[0]) =>
  new Voids(voidPayment, { giveUpMs: LONG_MS, rememberedMs: LONG_MS });

test('a void that was acknowledged as time ran out is not called unknown', async () => {
  const voids = voidsBy(async (_, scope) => scope.abort(new ShuttingDown()));
  voids.add(order);
  await voids.finish(new AbortController().signal);
  expect(lines).toEqual([]);
});

test('a void is repeated after a refusal too, until it is acknowledged', async () => {
  let attempts = 0;
  const voids = voidsBy(async () => {
    attempts += 1;
    if (attempts === 1) throw refused;
  });
  voids.add(order);
  await voids.finish(new AbortController().signal);
  expect(attempts).toBe(2);
  expect(lines).toEqual([]);
});

test('a bug in a void is logged, and the void repeated', async () => {
  let attempts = 0;
  const voids = voidsBy(async () => {
    attempts += 1;
    if (attempts === 1) throw new TypeError('ours');
  });
  voids.add(order);
  await voids.finish(new AbortController().signal);
  expect(attempts).toBe(2);
  expect(lines).toEqual(['Internal error']);
});

test.each([
  [0, LONG_MS, ['Payment outcome unknown for order: 2', 'Payment voided after all for order: 2']],
  [0, 0, ['Payment outcome unknown for order: 2']],
  [LONG_MS, 0, ['Payment outcome unknown for order: 2']],
])(
  'a void given up after %d ms, and acknowledged late, is told of if its payment is remembered, for %d ms',
  async (giveUpMs, rememberedMs, told) => {
    const voids = new Voids(() => expect.poll(() => lines).toHaveLength(1), {
      giveUpMs,
      rememberedMs,
    });
    voids.add(order);
    await voids.finish(new AbortController().signal);
    expect(lines).toEqual(told);
  },
);

test('an order has failed for its caller however many voids are before its own', async () => {
  const attempts = new MemoryAttempts(LONG_MS);
  const unanswered = async (_call: unknown, { signal }: Scope) => {
    if (!signal.aborted) await once(signal, 'abort');
    throw refused;
  };
  const payment = paymentClient('http://127.0.0.1:1');
  const voids = voidsBy(takeBack(attempts, [{ undo: payment.void }], unanswered, LONG_MS));
  for (let n = 0; n < 500; n += 1) {
    const failed = { ...order, paymentKey: `payment-${n}`, callerKey: `caller-${n}` };
    await attempts.begin(failed);
    voids.add(failed);
  }
  await new Promise(setImmediate);
  expect(await attempts.begin({ ...order, callerKey: 'caller-499' })).toBe('failed');
  await voids.finish(AbortSignal.abort());
});

test.each([
  [false, ['Payment outcome unknown for order: 2']],
  [true, []],
])(
  'a void that is open when the process ends is reported, once, unless it is durable: %s',
  async (isDurable, told) => {
    const options = { giveUpMs: LONG_MS, rememberedMs: LONG_MS, isDurable };
    const voids = new Voids(async (_, { signal }) => {
      await once(signal, 'abort');
      throw refused;
    }, options);
    voids.add(order);
    voids.reportOpen();
    expect(lines).toEqual(told);
    await voids.finish(AbortSignal.abort());
    expect(lines).toEqual(told);
  },
);
