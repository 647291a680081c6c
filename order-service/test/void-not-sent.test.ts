import type { RequestListener } from 'node:http';
import { createServer } from 'node:net';
import { pino } from 'pino';
import request from 'supertest';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DeadlineExceeded, Scope } from '#request-scope';
import { startRefusing } from '../../harness/faulty-server.ts';
import { portOf } from '../../harness/port-of.ts';
import { MemoryAttempts } from '../src/memory-attempts.ts';
import { paymentClient } from '../src/payment-client.ts';
import { placeOrder } from '../src/place-order.ts';
import { Voids } from '../src/voids.ts';
import { answers, available, paid, paymentService, silent, voided } from './canned-answers.ts';
import { OrderServiceUnderTest } from './order-service-under-test.ts';

const FAILED = /^Payment processing failed/;

let service: OrderServiceUnderTest;
beforeEach(() => {
  service = new OrderServiceUnderTest();
});
afterEach(() => service.close());

const LONG_MS = 60_000;
const inventory = { check: async () => {} };
const attempts = new MemoryAttempts(LONG_MS);
const ORDER = {
  ...{ productID: '1', orderID: '2', idempotencyKey: 'key', requestId: 'id' },
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
    const payment = paymentClient(PAYMENT_URL, LONG_MS, LONG_MS);
    const voids = new Voids(payment.void, { giveUpMs: LONG_MS, rememberedMs: LONG_MS });
    using scope = new Scope();
    noTls.once('connection', () => scope.abort(new DeadlineExceeded()));
    await expect(placeOrder(ORDER, { inventory, payment, attempts, voids }, scope)).rejects.toThrow(
      'Payment processing failed: deadline exceeded',
    );
    expect(voids.size).toBe(0);
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
    const payment = paymentClient('http://127.0.0.1:1', LONG_MS, LONG_MS);
    const voids = new Voids(payment.void, { giveUpMs: LONG_MS, rememberedMs: LONG_MS });
    using scope = new Scope(0);
    await expect(placeOrder(ORDER, { inventory, payment, attempts, voids }, scope)).rejects.toThrow(
      FAILED,
    );
    expect(voids.size).toBe(0);
  });

  test('the payment service answers 200, whatever the text', async () => {
    const thanks: RequestListener = (_req, res) => res.end('thanks');
    const app = await service.appBetween(available, paymentService(thanks, voided));
    await request(app).get('/order').expect(200);
    await service.shutdown.drain(1_000);
    expect(service.reached('/void')).toEqual([]);
  });
});
