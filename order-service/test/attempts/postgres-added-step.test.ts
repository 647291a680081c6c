import { DatabaseUnavailable } from '@orders/postgres';
import request from 'supertest';
import { beforeEach, expect, test } from 'vitest';
import { meetQueries } from '../../../postgres/test/test-database.ts';
import { attemptMs } from '../../src/step.ts';
import { realPaymentService, shippingService, shippingStep } from '../added-step.ts';
import { answers, available, held, voided } from '../canned-answers.ts';
import { useReplicas } from '../replicas-under-test.ts';

const LONG_MS = 60_000;

const orders = useReplicas();
const { server, replica, attempts, mayLast } = orders;
let payment: ReturnType<typeof realPaymentService>;
beforeEach(() => {
  payment = realPaymentService();
});

/** Adds the shipping service as a last step. */
async function addShipping(...[ship, cancel]: Parameters<typeof shippingService>): Promise<void> {
  const url = await orders.service.serve(shippingService(ship, cancel));
  orders.service.added.push(shippingStep(url, LONG_MS));
}

const DONE = answers(200);

test('an attempt may last a step longer, and an order whose steps are done stays charged', async () => {
  const shipment = held(DONE);
  await addShipping(shipment.listener, DONE);
  const app = await replica(available, payment.listener);
  const answer = request(app).get('/order').then();
  await expect.poll(() => orders.service.reached('/ship')).toHaveLength(1);
  await mayLast(attemptMs(orders.service.steps));
  shipment.release();
  expect((await answer).status).toBe(200);
  expect(await attempts()).toEqual([]);
  expect(await payment.payments()).toEqual(['processed']);
});

test('a step after the payment that fails leaves no charge, and its order open until all is undone', async () => {
  const cancel = held(DONE);
  await addShipping(answers(500), cancel.listener);
  const app = await replica(available, payment.listener);
  const order = request(app).get('/order').set('Idempotency-Key', 'mine');
  await order.expect(500, 'Shipping failed: shipping-service answered 500\n');
  await expect.poll(() => orders.service.reached('/cancel')).toHaveLength(1);
  expect(await attempts()).toEqual([{ caller_key: 'mine', status: 'failed', is_open: true }]);
  cancel.release();
  const closed = [{ caller_key: 'mine', status: 'failed', is_open: false }];
  await expect.poll(attempts).toEqual(closed);
  expect(await payment.payments()).toEqual(['voided']);
});

test('a verdict that nobody heard takes every step back', async () => {
  const deaf = meetQueries(orders.database, async (query, text) => {
    const result = await query();
    if (/^\s*delete from/.test(text)) throw new DatabaseUnavailable('closed', Error());
    return result;
  });
  await addShipping(DONE, DONE);
  const app = await replica(available, payment.listener, deaf);
  await request(app)
    .get('/order')
    .expect(500, /^Order record failed: database is unreachable/);
  await expect.poll(payment.payments).toEqual(['voided']);
  expect(orders.service.reached('/cancel')).not.toEqual([]);
});

test('what a killed replica has left behind, another one takes back step by step', async () => {
  const left = `
    insert into attempts (payment_key, product_id, order_id, request_id, expires_at)
    values ('payment-1', '1', 'left', 'lost-request', now() - interval '1 day')`;
  await server.ask(left);
  await addShipping(DONE, DONE);
  await replica(available, voided);
  await expect.poll(attempts).toEqual([]);
  const undone = orders.service.calls.map(({ url, headers }) => [url, headers['idempotency-key']]);
  expect(undone).toEqual([
    ['/cancel?orderID=left', 'payment-1'],
    ['/void?orderID=left', 'payment-1'],
  ]);
});
