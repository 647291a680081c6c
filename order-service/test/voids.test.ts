import { once } from 'node:events';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer } from 'node:net';
import { pino } from 'pino';
import { DeadlineExceeded, Scope, ShuttingDown } from 'request-scope';
import request from 'supertest';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import * as faults from '../../harness/faulty-server.ts';
import { startRefusing } from '../../harness/faulty-server.ts';
import { portOf } from '../../harness/network.ts';
import { MemoryAttempts } from '../src/attempts/memory.ts';
import { paymentClient } from '../src/downstream/payment.ts';
import { OrderFailed } from '../src/order-failed.ts';
import { placeOrder } from '../src/place-order.ts';
import { createUndoOrder, Voids } from '../src/voids.ts';
import {
  answers,
  available,
  faulty,
  held,
  paid,
  paymentService,
  silent,
  voided,
} from './canned-answers.ts';
import { dependenciesFor, paymentStep } from './dependencies.ts';
import { OrderServiceUnderTest } from './order-service-under-test.ts';

const FAILED = /^Payment processing failed/;
const UNKNOWN = 'Payment outcome unknown for order: orderID-5678';
const LONG_MS = 60_000;

let service: OrderServiceUnderTest;
beforeEach(() => {
  service = new OrderServiceUnderTest();
});
afterEach(() => service.close());

const lines: string[] = [];
beforeEach(() => void lines.splice(0));
const log = pino({}, { write: (line) => lines.push(JSON.parse(line).msg) });
const refused = new OrderFailed('request-refused', {
  step: 'Void',
  service: 'there',
});
const order = { productID: '1', orderID: '2', paymentKey: 'key', requestId: 'a', log };

const voidsBy = (voidPayment: ConstructorParameters<typeof Voids>[0]) =>
  new Voids(voidPayment, { giveUpMs: LONG_MS, rememberedMs: LONG_MS });

describe('a payment that surely did not happen is not voided', () => {
  test.each([400, 422])('the payment service answers %i', async (status) => {
    const app = await service.appBetween(available, paymentService(answers(status), voided));
    await request(app).get('/order').expect(500, FAILED);
    await service.shutdown.drain(1_000);
    expect(service.reached('/void')).toEqual([]);
  });

  test('the payment service refuses connections', async () => {
    await using refusing = await startRefusing();
    const app = await service.appBetween(available, paid, { PAYMENT_URL: refusing.url });
    const message = 'Payment processing failed: payment-service is unreachable (ECONNREFUSED)';
    await request(app).get('/order').expect(500, `${message}\n`);
    await service.shutdown.drain(1_000);
    expect(service.logged(UNKNOWN)).toEqual([]);
  });

  test('the deadline passes while the connection is still being made', async () => {
    const noTls = createServer().listen(0); // accepts connections, and never answers
    const PAYMENT_URL = `https://127.0.0.1:${portOf(noTls)}`;
    const dependencies = dependenciesFor([paymentStep(PAYMENT_URL)]);
    using scope = new Scope();
    noTls.once('connection', () => scope.abort(new DeadlineExceeded()));
    await expect(placeOrder(order, dependencies, scope)).rejects.toThrow(
      'Payment processing failed: deadline exceeded',
    );
    expect(dependencies.voids.size).toBe(0);
    noTls.close();
  });

  test('the client hangs up before the payment begins', async () => {
    const app = await service.appBetween(silent, paymentService(paid, voided));
    const order = request(app).get('/order');
    order.end(() => {});
    await expect.poll(() => service.reached('/check')).toHaveLength(1);
    order.abort();
    await expect.poll(() => service.logged('Order canceled: client disconnected')).toHaveLength(1);
    await service.shutdown.drain(1_000);
    expect(service.calls).toHaveLength(1);
  });

  test('the order has ended before the payment is sent', async () => {
    const dependencies = dependenciesFor([paymentStep('http://127.0.0.1:1')]);
    using scope = new Scope(0);
    await expect(placeOrder(order, dependencies, scope)).rejects.toThrow(FAILED);
    expect(dependencies.voids.size).toBe(0);
  });

  test('the payment service answers 200, with any text', async () => {
    const thanks: RequestListener = (_req, res) => res.end('thanks');
    const app = await service.appBetween(available, paymentService(thanks, voided));
    await request(app).get('/order').expect(200);
    await service.shutdown.drain(1_000);
    expect(service.reached('/void')).toEqual([]);
  });
});

describe('a payment whose outcome is unknown is voided', () => {
  test.each<[string, RequestListener]>([
    ['answers 500', answers(500)],
    ['answers 408', answers(408)],
    ['answers 409', answers(409)],
    ['answers 204', answers(204)],
    ['answers another attempt', (_req, res) => res.setHeader('idempotency-key', 'b').end('paid')],
    ['answers another operation', (_req, res) => res.setHeader('x-operation', 'check 1').end('ok')],
    ['answers no operation', (_req, res) => res.removeHeader('x-operation') ?? res.end('paid')],
    [
      "answers another operation's refusal",
      (_req, res) => {
        res.writeHead(422, { 'x-operation': 'void orderID-5678' }).end();
      },
    ],
    ['answers another request', (_req, res) => res.setHeader('x-request-id', 'b').end('paid')],
    [
      "answers another's refusal",
      (_req, res) => {
        res.writeHead(422, { 'idempotency-key': 'b' }).end();
      },
    ],
    [
      'answers without a key',
      (_req, res) => res.removeHeader('idempotency-key') ?? res.end('paid'),
    ],
    ['breaks off', faulty(faults.halfAnswerThenClose)],
    ['resets', faulty(faults.reset)],
  ])('the payment service %s', async (_row, pay) => {
    const app = await service.appBetween(available, paymentService(pay, voided));
    await request(app).get('/order').expect(500, FAILED);
    await expect.poll(() => service.reached('/void')).not.toEqual([]);
    const [payment] = service.reached('/pay');
    const [revocation] = service.reached('/void');
    expect(revocation?.method).toBe('POST');
    expect(revocation?.url).toBe('/void?orderID=orderID-5678');
    expect(revocation?.headers['idempotency-key']).toBe(payment?.headers['idempotency-key']);
    expect(revocation?.headers['x-request-id']).toBe(payment?.headers['x-request-id']);
    expect(service.reached('/pay')).toHaveLength(1);
  });

  test('the client hangs up', async () => {
    const app = await service.appBetween(available, paymentService(silent, voided));
    const order = request(app).get('/order');
    order.end(() => {});
    await expect.poll(() => service.reached('/pay')).toHaveLength(1);
    order.abort();
    await expect.poll(() => service.reached('/void')).not.toEqual([]);
  });
});

describe('a void', () => {
  test('is repeated until it is acknowledged, behind the answer', async () => {
    let isAnswered = false;
    const revoke: RequestListener = (req, res) => (isAnswered ? voided : answers(503))(req, res);
    const app = await service.appBetween(available, paymentService(answers(500), revoke));
    await request(app).get('/order').expect(500, FAILED);
    await expect.poll(() => service.reached('/void').length).toBeGreaterThan(1);
    isAnswered = true;
    await service.shutdown.drain(1_000);
    expect(service.logged(UNKNOWN)).toEqual([]);
  });

  test('is not acknowledged by the late answer to the payment', async () => {
    let late: RequestListener = (_req, res) =>
      res.setHeader('x-operation', 'pay orderID-5678').end('Payment completed');
    const payment = paymentService(answers(500), (req, res) => late(req, res));
    const app = await service.appBetween(available, payment);
    await request(app).get('/order').expect(500, FAILED);
    await expect.poll(() => service.reached('/void').length).toBeGreaterThan(1);
    late = voided;
    await service.shutdown.drain(1_000);
    expect(service.logged(UNKNOWN)).toEqual([]);
  });

  test('that takes too long leaves the record to reconcile by, and goes on', async () => {
    let revoke = answers(503);
    const payment = paymentService(answers(500), (req, res) => revoke(req, res));
    const app = await service.appBetween(available, payment, { VOID_GIVE_UP_MS: '50' });
    await request(app).get('/order').expect(500, FAILED);
    await expect.poll(() => service.logged(UNKNOWN)).toHaveLength(1);
    revoke = voided;
    const after = 'Payment voided after all for order: orderID-5678';
    await expect.poll(() => service.logged(after)).toHaveLength(1);
    await service.shutdown.drain(1_000);
    expect(service.logged(UNKNOWN)).toHaveLength(1);
    const paymentKey = service.reached('/pay')[0]?.headers['idempotency-key'];
    expect(service.logged(UNKNOWN)).toMatchObject([
      { level: 50, paymentKey, orderID: 'orderID-5678', cause: 'deadline-exceeded' },
    ]);
    expect(JSON.stringify(service.lines)).not.toContain('stack');
  });

  test('that is pending is waited for at shutdown', async () => {
    const revoke = held(voided);
    const payment = paymentService(answers(500), revoke.listener);
    const app = await service.appBetween(available, payment, {}, { voidShutdownMs: 60_000 });
    await request(app).get('/order').expect(500, FAILED);
    let isDrained = false;
    const drained = service.shutdown.drain(0).then(() => {
      isDrained = true;
    });
    await expect.poll(() => service.reached('/void')).not.toEqual([]);
    expect(isDrained).toBe(false);
    revoke.release();
    await drained;
    expect(service.logged(UNKNOWN)).toEqual([]);
  });

  test('that outlives the shutdown is logged as unknown', async () => {
    const payment = paymentService(answers(500), silent);
    const app = await service.appBetween(available, payment, {}, { voidShutdownMs: 50 });
    await request(app).get('/order').expect(500, FAILED);
    await service.shutdown.drain(0);
    expect(service.logged(UNKNOWN)).toMatchObject([{ level: 50, cause: 'shutting-down' }]);
  });

  test('that is slow keeps no other waiting', async () => {
    const revoke = held(voided);
    const payment = paymentService(answers(500), revoke.listener);
    const long = { voidTimeoutMs: 60_000, voidShutdownMs: 60_000 };
    const server = createHttpServer(await service.appBetween(available, payment, {}, long)).listen(
      0,
    );
    const order = () => request(server).get('/order').expect(500).then();
    const orders = Array.from({ length: 30 }, order);
    await expect.poll(() => service.reached('/void'), { interval: 5 }).toHaveLength(30);
    revoke.release();
    await Promise.all(orders);
    await service.shutdown.drain(1_000);
    server.close();
    expect(service.logged(UNKNOWN)).toEqual([]);
  });

  test("holds its order's place: an outage cannot pile them up", async () => {
    const payment = paymentService(answers(500), silent);
    const env = { MAX_IN_FLIGHT: '2' };
    const app = await service.appBetween(available, payment, env, { voidShutdownMs: 50 });
    await request(app).get('/order').expect(500, FAILED);
    await request(app).get('/order').expect(500, FAILED);
    await request(app)
      .get('/order')
      .expect(503, 'Too many orders in flight\n')
      .expect('Retry-After', '1');
    await service.shutdown.drain(0);
  });
});

test('a void that is acknowledged as time runs out is not reported', async () => {
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
  'a void that is reported after %d ms and acknowledged late is logged if its payment is remembered, for %d ms',
  async (giveUpMs, rememberedMs, logged) => {
    const voids = new Voids(() => expect.poll(() => lines).toHaveLength(1), {
      giveUpMs,
      rememberedMs,
    });
    voids.add(order);
    await voids.finish(new AbortController().signal);
    expect(lines).toEqual(logged);
  },
);

test('an order has failed for its caller, however many voids wait before its own', async () => {
  const attempts = new MemoryAttempts(LONG_MS);
  const unanswered = async (_call: unknown, { signal }: Scope) => {
    if (!signal.aborted) await once(signal, 'abort');
    throw refused;
  };
  const payment = paymentClient('http://127.0.0.1:1');
  const voids = voidsBy(createUndoOrder(attempts, [{ undo: payment.void }], unanswered, LONG_MS));
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
  'a void that is pending when the process ends is reported once, unless it is durable: %s',
  async (isDurable, logged) => {
    const options = { giveUpMs: LONG_MS, rememberedMs: LONG_MS, isDurable };
    const voids = new Voids(async (_, { signal }) => {
      await once(signal, 'abort');
      throw refused;
    }, options);
    voids.add(order);
    voids.reportPending();
    expect(lines).toEqual(logged);
    await voids.finish(AbortSignal.abort());
    expect(lines).toEqual(logged);
  },
);
