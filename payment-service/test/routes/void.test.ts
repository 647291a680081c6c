import request from 'supertest';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { PaymentServiceUnderTest } from '../payment-service-under-test.ts';

let service: PaymentServiceUnderTest;
beforeEach(() => {
  service = new PaymentServiceUnderTest();
});
afterEach(() => service.close());

test('voids a processed payment, once and for all', async () => {
  await service.start(1);
  await service.pay('key').expect(200);
  await service
    .void('key')
    .set('x-request-id', 'void-1')
    .expect(200, 'Payment for order X voided\n');
  await service.void('key').expect(200, 'Payment for order X voided\n');
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
  await service.void('key').expect(200);
  await inFlight;
  expect(service.lines).toMatchObject([
    { msg: 'Payment voided for order: X' },
    { level: 30, cause: 'voided', msg: 'Payment processing canceled for order: X' },
  ]);
  expect(await service.payments()).toMatchObject([{ status: 'voided' }]);
});

test('a void that comes first keeps the payment from ever happening', async () => {
  await service.start(1);
  await service.void('key').expect(200, 'Payment for order X voided\n');
  await service.pay('key').expect(409, 'Payment for order X was voided\n');
  expect(service.messages()).toEqual(['Payment voided for order: X']);
});

test('needs a key, and POST', async () => {
  await service.start(1);
  await request(service.server).post('/void?orderID=X').expect(400, 'Idempotency-Key is missing\n');
  await request(service.server).get('/void?orderID=X').expect(405).expect('Allow', 'POST');
  await service.void('key', '').expect(400, 'orderID is empty\n');
});
