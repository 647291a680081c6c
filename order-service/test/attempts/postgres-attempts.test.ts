import { createPool, DatabaseUnavailable } from '@orders/postgres';
import { pino } from 'pino';
import { ClientDisconnected, Scope } from 'request-scope';
import request from 'supertest';
import { expect, test } from 'vitest';
import { standStill } from '../../../harness/stand-still.ts';
import { meetQueries } from '../../../postgres/test/test-database.ts';
import { attemptStatements, PostgresAttempts } from '../../src/attempts/postgres.ts';
import { attemptMs } from '../../src/step.ts';
import {
  answers,
  available,
  held,
  paid,
  paymentService,
  silent,
  voided,
} from '../canned-answers.ts';
import { useReplicas } from '../replicas-under-test.ts';

const orders = useReplicas();
const { server, replica, attempts, mayLast } = orders;

test('an attempt is on record before it is charged, and struck out at its verdict', async () => {
  const payment = held(paid);
  const app = await replica(available, payment.listener);
  const answer = request(app).get('/order').then();
  await expect.poll(() => orders.service.reached('/pay')).toHaveLength(1);
  expect(await attempts()).toEqual([{ caller_key: null, status: 'in-flight', is_open: true }]);
  await mayLast(attemptMs(orders.service.steps));
  payment.release();
  expect((await answer).status).toBe(200);
  expect(await attempts()).toEqual([]);
});

test('one that may be charged stays on record until its void is acknowledged', async () => {
  const revoke = held(voided);
  const app = await replica(available, paymentService(answers(500), revoke.listener));
  await request(app).get('/order').set('Idempotency-Key', 'mine').expect(500);
  await expect.poll(() => orders.service.reached('/void')).toHaveLength(1);
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

test('one without a key whose verdict nobody heard is on record until it is voided', async () => {
  const deaf = meetQueries(orders.database, async (query, text) => {
    const result = await query();
    if (text.includes('delete from "orders".attempts'))
      throw new DatabaseUnavailable('closed', Error());
    return result;
  });
  const revoke = held(voided);
  const payment = paymentService(paid, revoke.listener);
  const app = await replica(available, payment, deaf);
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
  await server.runs(attemptStatements(orders.database.schema).succeed);
  await orders.service.shutdown.drain(0);
  expect(await attempts()).toEqual([{ caller_key: 'mine', status: 'processed', is_open: false }]);
  expect((await answer).status).toBe(200);
  await server.ask('drop trigger wait on attempts');
});

test('a verdict whose caller waits no more is not written, even if the timer is late', async () => {
  const log = pino({ level: 'silent' });
  const order = { productID: '1', orderID: '2', paymentKey: '3', requestId: '4', log };
  const record = new PostgresAttempts(orders.database, 60_000);
  using scope = new Scope();
  for (const callerKey of [undefined, 'mine']) {
    await server.ask('truncate attempts');
    expect(await record.begin({ ...order, callerKey }, scope)).toBe('begun');
    using late = new Scope(5);
    standStill(10);
    const verdict = record.succeed({ ...order, callerKey }, late);
    await expect(verdict).rejects.toThrow('Order record failed: deadline exceeded');
    expect(await attempts()).toMatchObject([{ status: 'in-flight', is_open: true }]);
  }
});

test('a verdict that waits for a connection is given up with its order, and the payment voided', async () => {
  await using pool = createPool(server.postgres.url, { maxConnections: 1 });
  const busy = new Scope();
  const { succeed } = attemptStatements(orders.database.schema);
  const occupied = meetQueries({ ...orders.database, pool }, async (query, text) => {
    // Whatever comes after the payment waits behind it.
    if (text === succeed) pool.query('select pg_sleep(3600)', [], busy).catch(() => {});
    return query();
  });
  const app = await replica(available, paymentService(paid, voided), occupied);
  const placed = request(app).get('/order').set('Idempotency-Key', 'mine');
  placed.end(() => {});
  await server.runs('select pg_sleep(3600)');
  placed.abort();
  const canceled = 'Order canceled: client disconnected';
  await expect.poll(() => orders.service.logged(canceled)).toHaveLength(1);
  busy.abort(new ClientDisconnected());
  await expect.poll(attempts).toEqual([{ caller_key: 'mine', status: 'failed', is_open: false }]);
  expect(orders.service.reached('/void')).toHaveLength(1);
});

test('an order whose budget was spent before it began is not on record', async () => {
  const app = await replica(available, paid);
  const ask = () => request(app).get('/order').set('Idempotency-Key', 'mine');
  await ask().set('x-envoy-expected-rq-timeout-ms', '0').expect(500);
  expect(await attempts()).toEqual([]);
  await ask().expect(200);
});

test('without the database an order fails, and nothing is called', async () => {
  await using pool = createPool('postgres://127.0.0.1:1/none', { maxConnections: 1 });
  const away = { ...orders.database, pool, isAvailable: false };
  const app = await replica(available, silent, away);
  await request(app).get('/health').expect(503, { status: 'database unavailable' });
  const failed = 'Order record failed: database is unreachable (ECONNREFUSED)\n';
  await request(app).get('/order').expect(503, failed).expect('Retry-After', '1');
  expect(orders.service.logged(failed.trimEnd())).toMatchObject([
    { level: 40, cause: 'unavailable' },
  ]);
  expect(orders.service.calls).toEqual([]);
});
