import request from 'supertest';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { PaymentServiceUnderTest } from '../payment-service-under-test.ts';

let service: PaymentServiceUnderTest;
beforeEach(async () => {
  service = new PaymentServiceUnderTest();
  await service.start(1);
});
afterEach(() => service.close());

test('the list of an order without payments is empty, and only GET is allowed', async () => {
  await request(service.server)
    .get('/payments?orderID=X')
    .expect(200, [])
    .expect('Content-Type', /json/);
  await request(service.server).get('/payments').expect(400, 'orderID is missing\n');
  await request(service.server).post('/payments?orderID=X').expect(405).expect('Allow', 'GET');
});

test('the list and the log have the key of the payment and that of its caller', async () => {
  const caller = { 'x-caller-key': '"\\"mine\\""' };
  await service.pay('key').set(caller).expect(200);
  await service.void('key').set(caller).expect(200);
  const keys = { paymentKey: 'key', callerKey: '"mine"', orderID: 'X' };
  expect(service.lines).toMatchObject([keys, keys]);
  await service.void('without').expect(200);
  const [first, second] = await service.payments();
  expect(first).toEqual({ ...keys, status: 'voided', updatedAt: expect.any(String) });
  expect(second).not.toHaveProperty('callerKey');
});

test('a request whose budget is spent: 408', async () => {
  await request(service.server)
    .get('/payments?orderID=1234')
    .set('x-envoy-expected-rq-timeout-ms', '0')
    .expect(408, 'Request canceled\n');
});
