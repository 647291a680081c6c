import type { RequestListener } from 'node:http';
import { pino } from 'pino';
import { ClientDisconnected, Scope } from 'request-scope';
import request from 'supertest';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import * as faults from '../../harness/faulty-server.ts';
import { startRefusing } from '../../harness/faulty-server.ts';
import { MemoryAttempts } from '../src/attempts/memory.ts';
import { placeOrder } from '../src/place-order.ts';
import { maxAttemptMs, type Step } from '../src/step.ts';
import { answers, available, faulty, paymentService, silent } from './canned-answers.ts';
import { dependenciesFor, paymentStep } from './dependencies.ts';
import { OrderServiceUnderTest } from './order-service-under-test.ts';
import { realPaymentService, shippingService, shippingStep } from './shipping-step.ts';

const LONG_MS = 60_000;
const shipped: RequestListener = (_req, res) => res.end('shipped');
const canceled: RequestListener = (_req, res) => res.end('canceled');

let service: OrderServiceUnderTest;
let payment: ReturnType<typeof realPaymentService>;

beforeEach(() => {
  service = new OrderServiceUnderTest();
  payment = realPaymentService();
});
afterEach(() => service.close());

/** The paths that were called after the payment. */
const afterPayment = () =>
  service.calls
    .map(({ url = '' }) => url.replace(/\?.*/, ''))
    .filter((path) => path !== '/check' && path !== '/pay');

/** An order service whose last step is the shipping service. */
async function appWith(
  ship: RequestListener,
  { timeoutMs = LONG_MS, hasUndo = false, cancel = canceled } = {},
) {
  const { undo, ...step } = shippingStep(
    await service.serve(shippingService(ship, cancel)),
    timeoutMs,
  );
  service.added.push(hasUndo ? { ...step, undo } : step);
  return service.appBetween(available, payment.listener);
}

const refused = answers(422);
const FAILURES: [string, RequestListener][] = [
  ['refuses', refused],
  ['answers 500', answers(500)],
  ['answers 408', answers(408)],
  ['answers 204', answers(204)],
  ['answers another request', (_req, res) => res.setHeader('x-request-id', 'b').end('shipped')],
  ['is broken off', faulty(faults.halfAnswerThenClose)],
  ['is reset', faulty(faults.reset)],
];

describe.each([true, false])('a step after the payment, undone by a call: %s', (hasUndo) => {
  const undone = hasUndo ? ['/ship', '/cancel', '/void'] : ['/ship', '/void'];

  test('that succeeds leaves its order charged', async () => {
    const app = await appWith(shipped, { hasUndo });
    await request(app).get('/order').expect(200);
    await service.shutdown.drain(LONG_MS);
    expect(afterPayment()).toEqual(['/ship']);
    expect(await payment.payments()).toEqual(['processed']);
  });

  test.each(FAILURES)('that %s leaves no charge', async (_row, ship) => {
    const app = await appWith(ship, { hasUndo });
    await request(app)
      .get('/order')
      .expect(500, /^Shipping failed: shipping-service /);
    await service.shutdown.drain(LONG_MS);
    expect(afterPayment()).toEqual(undone);
    expect(await payment.payments()).toEqual(['voided']);
  });

  test('that takes too long leaves no charge', async () => {
    const app = await appWith(silent, { hasUndo, timeoutMs: 300 });
    await request(app).get('/order').expect(500, 'Shipping failed: deadline exceeded\n');
    await service.shutdown.drain(LONG_MS);
    expect(afterPayment()).toEqual(undone);
    expect(await payment.payments()).toEqual(['voided']);
  });

  test('that is in flight when the client hangs up leaves no charge', async () => {
    const app = await appWith(silent, { hasUndo });
    const order = request(app).get('/order');
    order.end(() => {});
    await expect.poll(() => service.reached('/ship')).toHaveLength(1);
    order.abort();
    await expect.poll(payment.payments).toEqual(['voided']);
    await service.shutdown.drain(LONG_MS);
    expect(afterPayment()).toEqual(undone);
    expect(service.logged('Order canceled: client disconnected')).toHaveLength(1);
  });

  test('that is in flight at a shutdown leaves no charge', async () => {
    const app = await appWith(silent, { hasUndo });
    const order = request(app).get('/order').then();
    await expect.poll(() => service.reached('/ship')).toHaveLength(1);
    await service.shutdown.drain(0);
    expect(await order).toMatchObject({ status: 503 });
    expect(afterPayment()).toEqual(undone);
    expect(await payment.payments()).toEqual(['voided']);
  });
});

test('a step after the payment whose service is unreachable leaves no charge', async () => {
  await using refusing = await startRefusing();
  const { undo: _, ...step } = shippingStep(refusing.url);
  service.added.push(step);
  const app = await service.appBetween(available, payment.listener);
  const message = 'Shipping failed: shipping-service is unreachable (ECONNREFUSED)\n';
  await request(app).get('/order').expect(500, message);
  await service.shutdown.drain(LONG_MS);
  expect(await payment.payments()).toEqual(['voided']);
});

test('a step after the payment that has a bug leaves no charge', async () => {
  const bug = () => {
    throw new TypeError('ours');
  };
  service.added.push({ call: bug, timeoutMs: LONG_MS });
  const app = await service.appBetween(available, payment.listener);
  await request(app).get('/order').expect(500, 'Internal error\n');
  await service.shutdown.drain(LONG_MS);
  expect(await payment.payments()).toEqual(['voided']);
});

test('a step that was not reached is not undone where nothing before it was done', async () => {
  payment.listener = refused;
  const app = await appWith(shipped, { hasUndo: true });
  await request(app)
    .get('/order')
    .expect(500, /^Payment processing failed/);
  await service.shutdown.drain(LONG_MS);
  expect(afterPayment()).toEqual([]);
});

test('an undo that is not acknowledged holds up no other, and is made again', async () => {
  let isBack = false;
  const cancel: RequestListener = (req, res) => (isBack ? canceled : answers(503))(req, res);
  const app = await appWith(answers(500), { hasUndo: true, cancel });
  await request(app).get('/order').expect(500);
  await expect.poll(payment.payments).toEqual(['voided']);
  await expect.poll(() => service.reached('/cancel').length).toBeGreaterThan(1);
  isBack = true;
  await service.shutdown.drain(LONG_MS);
  expect(service.logged('Payment outcome unknown for order: orderID-5678')).toEqual([]);
});

test('a void whose payment may be forgotten by then is reported, however long it may take', async () => {
  // With it a payment may be older, when its order fails, than payment-service remembers it.
  const url = await service.serve(answers(500));
  service.added.push(shippingStep(url, 800_000));
  const unanswered = paymentService(payment.listener, silent);
  const app = await service.appBetween(available, unanswered, {}, { voidShutdownMs: 50 });
  await request(app).get('/order').expect(500);
  const unknown = 'Payment outcome unknown for order: orderID-5678';
  await expect.poll(() => service.logged(unknown)).toHaveLength(1);
  await service.shutdown.drain(0);
});

describe('without an order service around it', () => {
  const log = pino({ level: 'silent' });
  const order = {
    productID: '1',
    orderID: 'orderID-5678',
    paymentKey: 'key',
    requestId: 'a',
    log,
  };

  /** Places the order with one more step. Resolves when no undo is pending, to the message of the failure. */
  async function place(last: Step, scope: Scope, attempts = new MemoryAttempts(LONG_MS)) {
    const charge = paymentStep(await service.serve(payment.listener));
    const dependencies = dependenciesFor([charge, last], attempts);
    const placed = placeOrder(order, dependencies, scope);
    const error = await placed.catch(({ message }: Error) => message);
    await dependencies.voids.finish(new AbortController().signal);
    return error;
  }

  test('a hang-up between the payment and the next step leaves no charge', async () => {
    using scope = new Scope();
    const step = shippingStep(await service.serve(shipped));
    const afterHangUp: Step = {
      ...step,
      call(order) {
        scope.abort(new ClientDisconnected());
        return step.call(order);
      },
    };
    expect(await place(afterHangUp, scope)).toBe('Order canceled: client disconnected');
    expect(service.reached('/ship')).toEqual([]);
    expect(await payment.payments()).toEqual(['voided']);
  });

  test('an outcome that cannot be recorded leaves no charge, also after a bug', async () => {
    using scope = new Scope();
    const attempts = new MemoryAttempts(LONG_MS);
    attempts.succeed = () => {
      throw new TypeError('ours');
    };
    const { undo: _, ...step } = shippingStep(await service.serve(shipped));
    expect(await place(step, scope, attempts)).toBe('ours');
    expect(service.reached('/ship')).toHaveLength(1);
    expect(await payment.payments()).toEqual(['voided']);
  });
});

test('an attempt can take as long as all its steps and the database together', () => {
  expect(maxAttemptMs([{ timeoutMs: 5_000 }, { timeoutMs: 5_000 }, { timeoutMs: 2_000 }])).toBe(
    17_000,
  );
});
