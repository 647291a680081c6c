import { createPool, DatabaseUnavailable } from '@orders/postgres';
import request from 'supertest';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { useServer } from '../../postgres/test/server.ts';
import { testDatabase } from '../../postgres/test/test-database.ts';
import { SCHEMA, SUCCEED } from '../src/attempts-table.ts';
import { PostgresAttempts } from '../src/postgres-attempts.ts';
import {
  answers,
  available,
  held,
  paid,
  paymentService,
  silent,
  voided,
} from './canned-answers.ts';
import { OrderServiceUnderTest } from './order-service-under-test.ts';

const LONG_MS = 600_000;

const server = useServer();
let database: Awaited<ReturnType<typeof testDatabase>>;
let service: OrderServiceUnderTest;

beforeEach(async () => {
  if (!server.isThere) return;
  database = await testDatabase(server.postgres.url, SCHEMA);
  await server.ask('truncate attempts');
  service = new OrderServiceUnderTest();
});
afterEach(async () => {
  await service.shutdown.drain(0);
  service.close();
  if (server.isThere) await database[Symbol.asyncDispose]();
});

const replica = (inventory: typeof available, payment: typeof available) =>
  service.appBetween(inventory, payment, {}, {}, database);
const attempts = async () =>
  (await server.ask('select caller_key, status, is_open from attempts')).rows;

test('an attempt is on record before it is charged, and struck out at its verdict', async () => {
  const payment = held(paid);
  const app = await replica(available, payment.listener);
  const answer = request(app).get('/order').then();
  await expect.poll(() => service.reached('/pay')).toHaveLength(1);
  expect(await attempts()).toEqual([{ caller_key: null, status: 'in-flight', is_open: true }]);
  payment.release();
  expect((await answer).status).toBe(200);
  expect(await attempts()).toEqual([]);
});

test('one that may be charged stays on record until its void is acknowledged', async () => {
  const revoke = held(voided);
  const app = await replica(available, paymentService(answers(500), revoke.listener));
  await request(app).get('/order').set('Idempotency-Key', 'mine').expect(500);
  await expect.poll(() => service.reached('/void')).toHaveLength(1);
  expect(await attempts()).toEqual([{ caller_key: 'mine', status: 'failed', is_open: true }]);
  revoke.release();
  const struckOut = [{ caller_key: 'mine', status: 'failed', is_open: false }];
  await expect.poll(attempts).toEqual(struckOut);
});

test('one that was not charged is struck out at once', async () => {
  const app = await replica(answers(500), paid);
  await request(app).get('/order').expect(500);
  expect(await attempts()).toEqual([]);
  await request(app).get('/order').set('Idempotency-Key', 'mine').expect(500);
  expect(await attempts()).toEqual([{ caller_key: 'mine', status: 'failed', is_open: false }]);
});

test('what a replica has left behind, another one voids', async () => {
  const left = `
    insert into attempts (payment_key, caller_key, product_id, order_id, request_id, expires_at)
    values ($1, $2, '1', 'left', 'lost-request', now() - interval '1 day')`;
  await server.ask(left, ['payment-1', 'mine']);
  await server.ask(left, ['payment-2', null]);
  const app = await replica(available, paymentService(paid, voided));
  await expect.poll(attempts).toEqual([{ caller_key: 'mine', status: 'failed', is_open: false }]);
  const calls = service.reached('/void?orderID=left');
  expect(new Set(calls.map(({ headers }) => headers['idempotency-key']))).toEqual(
    new Set(['payment-1', 'payment-2']),
  );
  expect(calls[0]?.headers['x-request-id']).toBe('lost-request');
  const again = request(app).get('/order?productID=1&orderID=left').set('Idempotency-Key', 'mine');
  await again.expect(409, /failed or was canceled/);
});

test('a replica does not recover what it is voiding itself', async () => {
  const app = await replica(available, paymentService(answers(500), silent));
  await request(app).get('/order').expect(500);
  await expect.poll(() => service.reached('/void')).toHaveLength(1);
  await server.ask("update attempts set expires_at = now() - interval '1 day'");
  const isYoung = 'select 1 from attempts where expires_at > now()';
  await expect.poll(async () => (await server.ask(isYoung)).rows).toHaveLength(1);
  expect(service.logged('Recovering order: orderID-5678')).toEqual([]);
});

test("an attempt that may last is nobody else's, and no two replicas get the same orphan", async () => {
  const insert = `
    insert into attempts (payment_key, product_id, order_id, request_id, expires_at)
    values ($1, '1', '2', '3', now() + make_interval(secs => $2))`;
  for (let n = 0; n < 20; n += 1) await server.ask(insert, [`old-${n}`, -1]);
  await server.ask(insert, ['young', 60]);
  const both = [
    new PostgresAttempts(database.pool, LONG_MS),
    new PostgresAttempts(database.pool, LONG_MS),
  ];
  const taken = await Promise.all(both.map((replica) => replica.takeOrphans(15)));
  const keys = taken.flat().map(({ idempotencyKey }) => idempotencyKey);
  const rest = await both[0]?.takeOrphans(100);
  for (const { idempotencyKey } of rest ?? []) keys.push(idempotencyKey);
  expect(keys.sort()).toEqual(Array.from({ length: 20 }, (_, n) => `old-${n}`).sort());
});

test('a verdict that comes after the attempt was taken for an orphan is none', async () => {
  const payment = held(paid);
  const app = await replica(available, paymentService(payment.listener, voided));
  const answer = request(app).get('/order').then();
  await expect.poll(() => service.reached('/pay')).toHaveLength(1);
  await server.ask('update attempts set expires_at = now()');
  const other = new PostgresAttempts(database.pool, LONG_MS);
  expect(await other.takeOrphans(1)).toHaveLength(1);
  payment.release();
  expect((await answer).text).toBe('Order record failed: deadline exceeded\n');
  await expect.poll(() => service.reached('/void')).toHaveLength(1);
});

test('one without a key whose verdict nobody heard is on record until it is voided', async () => {
  const query: typeof database.pool.query = async (text, ...rest) => {
    const result = await database.pool.query(text, ...rest);
    if (text.includes('delete from attempts')) throw new DatabaseUnavailable('closed', Error());
    return result as never;
  };
  const deaf = { ...database, pool: Object.assign(Object.create(database.pool), { query }) };
  const revoke = held(voided);
  const payment = paymentService(paid, revoke.listener);
  const app = await service.appBetween(available, payment, {}, {}, deaf);
  await request(app)
    .get('/order')
    .expect(500, /^Order record failed: database is unreachable/);
  expect(await attempts()).toEqual([{ caller_key: null, status: 'failed', is_open: true }]);
  revoke.release();
  await expect.poll(attempts).toEqual([]);
});

test('a shutdown waits for the verdicts that are being written', async () => {
  // Longer than what is aborted has to answer.
  await server.ask(`
    create or replace function wait() returns trigger language plpgsql as $wait$
      begin perform pg_sleep(2); return new; end $wait$;
    create or replace trigger wait before update on attempts for each row
      when (new.status = 'processed') execute function wait();`);
  const app = await replica(available, paid);
  const answer = request(app).get('/order').set('Idempotency-Key', 'mine').then();
  await server.runs(SUCCEED);
  await service.shutdown.drain(0);
  expect(await attempts()).toEqual([{ caller_key: 'mine', status: 'processed', is_open: false }]);
  expect((await answer).status).toBe(200);
  await server.ask('drop trigger wait on attempts');
});

describe("the caller's key, in another replica", () => {
  const ask = (app: Parameters<typeof request>[0], query = '') =>
    request(app).get(`/order${query}`).set('Idempotency-Key', 'mine');

  test('is charged once', async () => {
    const payment = held(paid);
    const [one, other] = [
      await replica(available, payment.listener),
      await replica(available, payment.listener),
    ];
    const first = ask(one).then();
    await expect.poll(() => service.reached('/pay')).toHaveLength(1);
    await ask(other).expect(409, 'The order of this Idempotency-Key is in flight\n');
    payment.release();
    expect((await first).status).toBe(200);
    await ask(other).expect(200, 'Order successfully processed\n');
    await ask(other, '?orderID=other').expect(422);
    expect(service.reached('/pay')).toHaveLength(1);
  });

  test('has failed where it failed', async () => {
    await ask(await replica(answers(500), paid)).expect(500);
    await ask(await replica(available, paid)).expect(409, /failed or was canceled/);
    expect(service.reached('/pay')).toEqual([]);
  });
});

test('without the database an order fails, and nothing is called', async () => {
  await using pool = createPool('postgres://127.0.0.1:1/none', { maxConnections: 1 });
  const away = { ...database, pool, isAvailable: false };
  const app = await service.appBetween(available, silent, {}, {}, away);
  await request(app).get('/health').expect(503, { status: 'database unavailable' });
  const failed = 'Order record failed: database is unreachable (ECONNREFUSED)\n';
  await request(app).get('/order').expect(500, failed);
  expect(service.logged(failed.trimEnd())).toMatchObject([{ level: 40, cause: 'unreachable' }]);
  expect(service.calls).toEqual([]);
});
