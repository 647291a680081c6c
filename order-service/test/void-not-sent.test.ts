import type { RequestListener } from 'node:http';
import { createServer } from 'node:net';
import { pino } from 'pino';
import { DeadlineExceeded, Scope } from 'request-scope';
import request from 'supertest';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startRefusing } from '../../harness/faulty-server.ts';
import { portOf } from '../../harness/port-of.ts';
import { MemoryAttempts } from '../src/attempts/memory.ts';
import { call } from '../src/downstream/call.ts';
import { paymentClient } from '../src/downstream/payment.ts';
import { placeOrder } from '../src/place-order.ts';
import { takeBack, Voids } from '../src/voids.ts';
import { answers, available, paid, paymentService, silent, voided } from './canned-answers.ts';
import { OrderServiceUnderTest } from './order-service-under-test.ts';

const FAILED = /^Payment processing failed/;

let service: OrderServiceUnderTest;
beforeEach(() => {
  service = new OrderServiceUnderTest();
});
afterEach(() => service.close());

const LONG_MS = 60_000;
const attempts = new MemoryAttempts(LONG_MS);

/** What it takes to place an order that has to be paid for at `url`, and no more. */
function payingAt(url: string) {
  const payment = paymentClient(url);
  const steps = [{ call: payment.charge, undo: payment.void, timeoutMs: LONG_MS }];
  const takesBack = takeBack(attempts, steps, call, LONG_MS);
  const voids = new Voids(takesBack, { giveUpMs: LONG_MS, rememberedMs: LONG_MS });
  return { steps, send: call, attempts, voids };
}

const ORDER = {
  ...{ productID: '1', orderID: '2', paymentKey: 'key', requestId: 'id' },
  log: pino({ enabled: false }),
};
const UNKNOWN = 'Payment outcome unknown for order: orderID-5678';

describe('a payment that surely did not happen is not voided', () => {
  test.each([400, 422])('the payment service answers %i', async (status) => {
    const app = await service.appBetween(available, paymentService(answers(status), voided));
    await request(app).get('/order').expect(500, FAILED);
    await service.shutdown.drain(1_000);
    expect(service.reached('/void')).toEqual([]);
  });

  test('nobody listens', async () => {
    await using refusing = await startRefusing();
    const app = await service.appBetween(available, paid, { PAYMENT_URL: refusing.url });
    const message = 'Payment processing failed: payment-service is unreachable (ECONNREFUSED)';
    await request(app).get('/order').expect(500, `${message}\n`);
    await service.shutdown.drain(1_000);
    expect(service.logged(UNKNOWN)).toEqual([]);
  });

  test('the deadline passes while the connection is still being made', async () => {
    const noTls = createServer().listen(0); // takes connections, and never says a word
    const PAYMENT_URL = `https://127.0.0.1:${portOf(noTls)}`;
    const dependencies = payingAt(PAYMENT_URL);
    using scope = new Scope();
    noTls.once('connection', () => scope.abort(new DeadlineExceeded()));
    await expect(placeOrder(ORDER, dependencies, scope)).rejects.toThrow(
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
    const dependencies = payingAt('http://127.0.0.1:1');
    using scope = new Scope(0);
    await expect(placeOrder(ORDER, dependencies, scope)).rejects.toThrow(FAILED);
    expect(dependencies.voids.size).toBe(0);
  });

  test('the payment service answers 200, whatever the text', async () => {
    const thanks: RequestListener = (_req, res) => res.end('thanks');
    const app = await service.appBetween(available, paymentService(thanks, voided));
    await request(app).get('/order').expect(200);
    await service.shutdown.drain(1_000);
    expect(service.reached('/void')).toEqual([]);
  });
});
