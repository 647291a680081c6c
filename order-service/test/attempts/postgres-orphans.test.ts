import request from 'supertest';
import { expect, test } from 'vitest';
import { PostgresAttempts } from '../../src/attempts/postgres.ts';
import { answers, available, held, paid, paymentService, voided } from '../canned-answers.ts';
import { useReplicas } from '../replicas-under-test.ts';

const LONG_MS = 600_000;

const orders = useReplicas();
const { server, replica, attempts } = orders;

test('what a replica has left behind, another one voids', async () => {
  const left = `
    insert into attempts (payment_key, caller_key, product_id, order_id, request_id, expires_at)
    values ($1, $2, '1', 'left', 'lost-request', now() - interval '1 day')`;
  await server.ask(left, ['payment-1', 'mine']);
  await server.ask(left, ['payment-2', null]);
  const app = await replica(available, paymentService(paid, voided));
  await expect.poll(attempts).toEqual([{ caller_key: 'mine', status: 'failed', is_open: false }]);
  const calls = orders.service.reached('/void?orderID=left');
  expect(new Set(calls.map(({ headers }) => headers['idempotency-key']))).toEqual(
    new Set(['payment-1', 'payment-2']),
  );
  expect(calls[0]?.headers['x-request-id']).toBe('lost-request');
  const again = request(app).get('/order?productID=1&orderID=left').set('Idempotency-Key', 'mine');
  await again.expect(409, /failed or was canceled/);
});

test('a replica does not recover what it is voiding itself', async () => {
  const revoke = held(voided);
  const app = await replica(available, paymentService(answers(500), revoke.listener));
  await request(app).get('/order').expect(500);
  await expect.poll(() => orders.service.reached('/void')).toHaveLength(1);
  await server.ask("update attempts set expires_at = now() - interval '1 day'");
  const isYoung = 'select 1 from attempts where expires_at > now()';
  await expect.poll(async () => (await server.ask(isYoung)).rows).toHaveLength(1);
  expect(orders.service.logged('Recovering order: orderID-5678')).toEqual([]);
  revoke.release();
});

test("an attempt that may last is nobody else's, and no two replicas get the same orphan", async () => {
  const insert = `
    insert into attempts (payment_key, product_id, order_id, request_id, expires_at)
    values ($1, '1', '2', '3', now() + make_interval(secs => $2))`;
  for (let n = 0; n < 20; n += 1) await server.ask(insert, [`old-${n}`, -1]);
  await server.ask(insert, ['young', 60]);
  const both = [
    new PostgresAttempts(orders.database, LONG_MS),
    new PostgresAttempts(orders.database, LONG_MS),
  ];
  const taken = await Promise.all(both.map((replica) => replica.takeOrphans(15)));
  const keys = taken.flat().map(({ paymentKey }) => paymentKey);
  const rest = await both[0]?.takeOrphans(100);
  for (const { paymentKey } of rest ?? []) keys.push(paymentKey);
  expect(keys.sort()).toEqual(Array.from({ length: 20 }, (_, n) => `old-${n}`).sort());
});

test('a verdict that comes after the attempt was taken for an orphan is none', async () => {
  const payment = held(paid);
  const app = await replica(available, paymentService(payment.listener, voided));
  const answer = request(app).get('/order').then();
  await expect.poll(() => orders.service.reached('/pay')).toHaveLength(1);
  await server.ask('update attempts set expires_at = now()');
  const other = new PostgresAttempts(orders.database, LONG_MS);
  expect(await other.takeOrphans(1)).toHaveLength(1);
  payment.release();
  expect((await answer).text).toBe('Order record failed: deadline exceeded\n');
  await expect.poll(() => orders.service.reached('/void')).toHaveLength(1);
});
