import request from 'supertest';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PaymentServiceUnderTest } from '../payment-service-under-test.ts';

let service: PaymentServiceUnderTest;
beforeEach(() => {
  service = new PaymentServiceUnderTest();
});
afterEach(() => service.close());

test('a payment whose budget was spent before it began is not remembered, and may come again', async () => {
  await service.start(1);
  await service.pay('key').set('x-envoy-expected-rq-timeout-ms', '0').expect(408);
  expect(await service.payments()).toEqual([]);
  await service.pay('key').expect(200);
  await service.pay('key').expect(200);
  expect(
    service.messages().filter((msg) => String(msg).startsWith('Payment processed')),
  ).toHaveLength(1);
});

describe('with the same key', () => {
  test('a processed payment is answered again at once, and charged once', async () => {
    await service.start(1);
    await service.pay('key').expect(200, 'Payment for order X completed\n');
    await service.pay('key').expect(200, 'Payment for order X completed\n');
    expect(service.messages()).toEqual(['Payment processed for order: X']);
    expect(await service.payments()).toMatchObject([{ paymentKey: 'key', status: 'processed' }]);
  });

  test('a payment in flight is a conflict', async () => {
    await service.start(60_000);
    const canceled = service
      .pay('key')
      .expect(408, 'Payment canceled\n')
      .then(() => {});
    await expect.poll(() => service.payments()).toMatchObject([{ status: 'pending' }]);
    await service.pay('key').expect(409, 'Payment for order X is in flight\n');
    await service.revoke('key').expect(200);
    await canceled;
  });

  test('another order is refused', async () => {
    await service.start(1);
    await service.pay('key', 'X').expect(200);
    await service.pay('key', 'Y').expect(422, 'Idempotency-Key was used for another order\n');
    await service.revoke('key', 'Y').expect(422, 'Idempotency-Key was used for another order\n');
    expect(await service.payments('Y')).toEqual([]);
  });

  test('a canceled payment may be tried again', async () => {
    await service.start(200);
    await service.pay('key').set('x-envoy-expected-rq-timeout-ms', '100').expect(408);
    expect(await service.payments()).toMatchObject([{ status: 'canceled' }]);
    await service.pay('key').expect(200);
    expect(await service.payments()).toMatchObject([{ status: 'processed' }]);
  });
});

test('the keys of the payment and of its caller are on its lines and in the list', async () => {
  await service.start(1);
  const caller = { 'x-caller-key': '"\\"mine\\""' };
  await service.pay('key').set(caller).expect(200);
  await service.revoke('key').set(caller).expect(200);
  const keys = { paymentKey: 'key', callerKey: '"mine"', orderID: 'X' };
  expect(service.lines).toMatchObject([keys, keys]);
  await service.revoke('without').expect(200);
  const [first, second] = await service.payments();
  expect(first).toEqual({ ...keys, status: 'voided', updatedAt: expect.any(String) });
  expect(second).not.toHaveProperty('callerKey');
});

test("a caller's key that is none is refused, and nothing is remembered", async () => {
  await service.start(1);
  for (const call of [service.pay('key'), service.revoke('key')]) {
    const { text } = await call.set('x-caller-key', 'a b').expect(400);
    expect(text).toMatch(/^X-Caller-Key must be 1 to 128 visible ASCII characters/);
  }
  expect(await service.payments()).toEqual([]);
});

test('each answer says which operation it is the answer to', async () => {
  await service.start(1);
  const order = 'a b/\u{1F4B0}';
  const encoded = encodeURIComponent(order);
  for (const [call, operation] of [
    [service.pay('key', encoded), `pay ${encoded}`],
    [service.revoke('key', encoded), `void ${encoded}`],
    [service.pay('key', encoded), `pay ${encoded}`],
    [service.pay('key', 'another'), 'pay another'],
    [service.revoke('key', 'another'), 'void another'],
  ] as const) {
    expect((await call).headers['x-operation']).toBe(operation);
  }
});

test('without a key each call is a payment of its own', async () => {
  await service.start(1);
  await request(service.server).post('/pay?orderID=X').expect(200);
  await request(service.server).post('/pay?orderID=X').expect(200);
  expect(await service.payments()).toMatchObject([
    { status: 'processed' },
    { status: 'processed' },
  ]);
});

describe('a void', () => {
  test('takes a processed payment back, once and for all', async () => {
    await service.start(1);
    await service.pay('key').expect(200);
    await service
      .revoke('key')
      .set('x-request-id', 'void-1')
      .expect(200, 'Payment for order X voided\n');
    await service.revoke('key').expect(200, 'Payment for order X voided\n');
    await service.pay('key').expect(409, 'Payment for order X was voided\n');
    expect(service.lines.slice(1)).toMatchObject([
      { level: 30, requestId: 'void-1', paymentKey: 'key', msg: 'Payment voided for order: X' },
    ]);
    expect(await service.payments()).toMatchObject([{ paymentKey: 'key', status: 'voided' }]);
  });

  test('stops a payment in flight: 408', async () => {
    await service.start(60_000);
    const inFlight = service
      .pay('key')
      .expect(408, 'Payment canceled\n')
      .then(() => {});
    await expect.poll(() => service.payments()).toMatchObject([{ status: 'pending' }]);
    await service.revoke('key').expect(200);
    await inFlight;
    expect(service.lines).toMatchObject([
      { msg: 'Payment voided for order: X' },
      { level: 30, cause: 'voided', msg: 'Payment processing canceled for order: X' },
    ]);
    expect(await service.payments()).toMatchObject([{ status: 'voided' }]);
  });

  test('that comes first keeps the payment from ever happening', async () => {
    await service.start(1);
    await service.revoke('key').expect(200, 'Payment for order X voided\n');
    await service.pay('key').expect(409, 'Payment for order X was voided\n');
    expect(service.messages()).toEqual(['Payment voided for order: X']);
  });

  test('needs a key, and POST', async () => {
    await service.start(1);
    await request(service.server)
      .post('/void?orderID=X')
      .expect(400, 'Idempotency-Key is missing\n');
    await request(service.server).get('/void?orderID=X').expect(405).expect('Allow', 'POST');
    await service.revoke('key', '').expect(400, 'orderID is empty\n');
  });
});

test('the payments of an order that has none', async () => {
  await service.start(1);
  await request(service.server)
    .get('/payments?orderID=X')
    .expect(200, [])
    .expect('Content-Type', /json/);
  await request(service.server).get('/payments').expect(400, 'orderID is missing\n');
  await request(service.server).post('/payments?orderID=X').expect(405).expect('Allow', 'GET');
});
