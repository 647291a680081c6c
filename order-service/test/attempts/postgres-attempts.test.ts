import { Client } from 'pg';
import { pino } from 'pino';
import { ClientDisconnected, Scope } from 'request-scope';
import { createPool, DatabaseUnavailable } from 'request-scope-pg';
import request from 'supertest';
import { beforeEach, describe, expect, test } from 'vitest';
import { standStill } from '../../../harness/time.ts';
import { meetQueries, testDatabase } from '../../../postgres/test/test-database.ts';
import { ATTEMPTS, attemptStatements, PostgresAttempts } from '../../src/attempts/postgres.ts';
import { maxAttemptMs } from '../../src/step.ts';
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
import { realPaymentService, shippingService, shippingStep } from '../shipping-step.ts';

const LONG_MS = 600_000;

const orders = useReplicas();
const { server, replica, attempts, mayTake } = orders;

const log = pino({ level: 'silent' });
const order = { productID: '1', orderID: '2', paymentKey: '3', requestId: '4', log };

test('an attempt is on record before it is charged, and deleted when it succeeds', async () => {
  const payment = held(paid);
  const app = await replica(available, payment.listener);
  const answer = request(app).get('/order').then();
  await expect.poll(() => orders.service.reached('/pay')).toHaveLength(1);
  expect(await attempts()).toEqual([{ caller_key: null, status: 'in-flight', is_open: true }]);
  await mayTake(maxAttemptMs(orders.service.steps));
  payment.release();
  expect((await answer).status).toBe(200);
  expect(await attempts()).toEqual([]);
});

test('an attempt that may be charged stays open until its void is acknowledged', async () => {
  const revoke = held(voided);
  const app = await replica(available, paymentService(answers(500), revoke.listener));
  await request(app).get('/order').set('Idempotency-Key', 'mine').expect(500);
  await expect.poll(() => orders.service.reached('/void')).toHaveLength(1);
  expect(await attempts()).toEqual([{ caller_key: 'mine', status: 'failed', is_open: true }]);
  revoke.release();
  const closed = [{ caller_key: 'mine', status: 'failed', is_open: false }];
  await expect.poll(attempts).toEqual(closed);
});

test('an attempt that was not charged is closed at once', async () => {
  const app = await replica(answers(500), paid);
  await request(app).get('/order').expect(500);
  expect(await attempts()).toEqual([]);
  await request(app).get('/order').set('Idempotency-Key', 'mine').expect(500);
  expect(await attempts()).toEqual([{ caller_key: 'mine', status: 'failed', is_open: false }]);
});

test('an attempt without a key whose outcome is unknown stays on record until it is voided', async () => {
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

test('a shutdown waits for outcomes that are being recorded', async () => {
  // Longer than what is aborted has to answer.
  await server.ask(`
    create or replace function wait() returns trigger language plpgsql as $wait$
      begin perform pg_sleep(2); return new; end $wait$;
    create or replace trigger wait before update on attempts for each row
      when (new.status = 'processed') execute function wait();`);
  const app = await replica(available, paid);
  const answer = request(app).get('/order').set('Idempotency-Key', 'mine').then();
  await server.runs(attemptStatements(orders.database.schema).writes.succeed);
  await orders.service.shutdown.drain(0);
  expect(await attempts()).toEqual([{ caller_key: 'mine', status: 'processed', is_open: false }]);
  expect((await answer).status).toBe(200);
  await server.ask('drop trigger wait on attempts');
});

test('a success after the deadline is not recorded, even if the timer is late', async () => {
  const record = new PostgresAttempts(orders.database, LONG_MS);
  using scope = new Scope();
  for (const callerKey of [undefined, 'mine']) {
    await server.ask('truncate attempts');
    expect(await record.begin({ ...order, callerKey }, scope)).toBe('begun');
    using late = new Scope(5);
    standStill(10);
    const recorded = record.succeed({ ...order, callerKey }, late);
    await expect(recorded).rejects.toThrow('Order record failed: deadline exceeded');
    expect(await attempts()).toMatchObject([{ status: 'in-flight', is_open: true }]);
  }
});

test('a success that waits for a connection is given up with its order, and the payment is voided', async () => {
  await using pool = createPool(server.postgres.url, { maxConnections: 1 });
  const busy = new Scope();
  const { succeed } = attemptStatements(orders.database.schema).writes;
  const occupied = meetQueries({ ...orders.database, pool }, async (query, text) => {
    // Holds the only connection: the statements after the payment have to wait.
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

describe("the caller's key, in another replica", () => {
  const ask = (app: Parameters<typeof request>[0], query = '') =>
    request(app).get(`/order${query}`).set('Idempotency-Key', 'mine');

  test('is charged once', async () => {
    const payment = held(paid);
    const one = await replica(available, payment.listener);
    const other = await replica(available, payment.listener);
    const first = ask(one).then();
    await expect.poll(() => orders.service.reached('/pay')).toHaveLength(1);
    await ask(other).expect(409, 'The order of this Idempotency-Key is in flight\n');
    payment.release();
    expect((await first).status).toBe(200);
    await ask(other).expect(200, 'Order successfully processed\n');
    await ask(other, '?orderID=other').expect(422);
    expect(orders.service.reached('/pay')).toHaveLength(1);
  });

  test('has failed where it failed', async () => {
    await ask(await replica(answers(500), paid)).expect(500);
    await ask(await replica(available, paid)).expect(409, /failed or was canceled/);
    expect(orders.service.reached('/pay')).toEqual([]);
  });
});

test('the outcome of an order with a key may be unknown, and its record says it', async () => {
  const deaf = meetQueries(orders.database, async (query, text) => {
    const result = await query();
    if (text === attemptStatements(orders.database.schema).writes.succeed)
      throw new DatabaseUnavailable('closed', Error());
    return result;
  });
  const app = await replica(available, paymentService(paid, voided), deaf);
  const ask = () => request(app).get('/order').set('Idempotency-Key', 'mine');
  await ask().expect(500, 'Order outcome unknown: ask again with its key\n');
  await ask().expect(200, 'Order successfully processed\n');
  await expect.poll(attempts).toMatchObject([{ status: 'processed', is_open: false }]);
  expect(orders.service.reached('/void')).toEqual([]);
});

test.each([
  ['is lost', 'delete from attempts', true],
  ['says in flight', 'select 1', true],
  ['says processed', "update attempts set status = 'processed'", false],
])('an attempt whose record %s may be called failed: %s', async (_row, change, expected) => {
  const record = new PostgresAttempts(orders.database, LONG_MS);
  using scope = new Scope();
  const named = { ...order, callerKey: 'mine' };
  expect(await record.begin(named, scope)).toBe('begun');
  await server.ask(change);
  expect(await record.fail(named)).toBe(expected);
});

test('a start does not wait for transactions that write', async () => {
  const other = new Client(server.postgres.url);
  await other.connect();
  await other.query(`begin; insert into orders.attempts (payment_key, product_id, order_id, request_id, expires_at)
    values ('1', '2', '3', '4', now())`);
  await using _started = await testDatabase(server.postgres.url, ATTEMPTS);
  await other.end();
});

test('what a replica has abandoned, another one voids', async () => {
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

test('no replica claims an attempt that may still be in flight, and no two claim the same one', async () => {
  const insert = `
    insert into attempts (payment_key, product_id, order_id, request_id, expires_at)
    values ($1, '1', '2', '3', now() + make_interval(secs => $2))`;
  for (let n = 0; n < 20; n += 1) await server.ask(insert, [`old-${n}`, -1]);
  await server.ask(insert, ['young', 60]);
  const both = [
    new PostgresAttempts(orders.database, LONG_MS),
    new PostgresAttempts(orders.database, LONG_MS),
  ];
  const taken = await Promise.all(both.map((replica) => replica.claimAbandoned(15)));
  const keys = taken.flat().map(({ paymentKey }) => paymentKey);
  const rest = await both[0]?.claimAbandoned(100);
  for (const { paymentKey } of rest ?? []) keys.push(paymentKey);
  expect(keys.sort()).toEqual(Array.from({ length: 20 }, (_, n) => `old-${n}`).sort());
});

test('an attempt that another replica has claimed cannot succeed any more', async () => {
  const payment = held(paid);
  const app = await replica(available, paymentService(payment.listener, voided));
  const answer = request(app).get('/order').then();
  await expect.poll(() => orders.service.reached('/pay')).toHaveLength(1);
  await server.ask('update attempts set expires_at = now()');
  const other = new PostgresAttempts(orders.database, LONG_MS);
  expect(await other.claimAbandoned(1)).toHaveLength(1);
  payment.release();
  expect((await answer).text).toBe('Order record failed: deadline exceeded\n');
  await expect.poll(() => orders.service.reached('/void')).toHaveLength(1);
});

describe('with a step after the payment', () => {
  let payment: ReturnType<typeof realPaymentService>;
  beforeEach(() => {
    payment = realPaymentService();
  });

  /** Adds the shipping service as the last step. */
  async function addShipping(...[ship, cancel]: Parameters<typeof shippingService>): Promise<void> {
    const url = await orders.service.serve(shippingService(ship, cancel));
    orders.service.added.push(shippingStep(url));
  }

  const DONE = answers(200);

  test('an attempt may take a step longer, and an order whose steps are done stays charged', async () => {
    const shipment = held(DONE);
    await addShipping(shipment.listener, DONE);
    const app = await replica(available, payment.listener);
    const answer = request(app).get('/order').then();
    await expect.poll(() => orders.service.reached('/ship')).toHaveLength(1);
    await mayTake(maxAttemptMs(orders.service.steps));
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

  test('an order whose outcome is unknown has every step undone', async () => {
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

  test('what a killed replica has abandoned, another one undoes step by step', async () => {
    const left = `
      insert into attempts (payment_key, product_id, order_id, request_id, expires_at)
      values ('payment-1', '1', 'left', 'lost-request', now() - interval '1 day')`;
    await server.ask(left);
    await addShipping(DONE, DONE);
    await replica(available, voided);
    await expect.poll(attempts).toEqual([]);
    const undone = orders.service.calls.map(({ url, headers }) => [
      url,
      headers['idempotency-key'],
    ]);
    expect(undone).toEqual([
      ['/cancel?orderID=left', 'payment-1'],
      ['/void?orderID=left', 'payment-1'],
    ]);
  });
});
