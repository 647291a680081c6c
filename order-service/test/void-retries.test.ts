import { createServer, type RequestListener } from 'node:http';
import request from 'supertest';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { answers, available, held, paymentService, silent, voided } from './canned-answers.ts';
import { OrderServiceUnderTest } from './order-service-under-test.ts';

const FAILED = /^Payment processing failed/;

let service: OrderServiceUnderTest;
beforeEach(() => {
  service = new OrderServiceUnderTest();
});
afterEach(() => service.close());

const UNKNOWN = 'Payment outcome unknown for order: orderID-5678';

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

  test('under way is waited for at shutdown', async () => {
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
    const server = createServer(await service.appBetween(available, payment, {}, long)).listen(0);
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
