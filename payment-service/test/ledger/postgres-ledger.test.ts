import { Client } from 'pg';
import { ClientDisconnected, Scope } from 'request-scope';
import { createPool } from 'request-scope-pg';
import request from 'supertest';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { until } from '../../../harness/time.ts';
import { useServer } from '../../../harness/use-server.ts';
import { meetQueries, SCHEMA, testDatabase } from '../../../postgres/test/test-database.ts';
import {
  PAYMENTS,
  PostgresLedger,
  paymentStatements,
  voidedChannel,
} from '../../src/ledger/postgres.ts';
import { PaymentServiceUnderTest } from '../payment-service-under-test.ts';
import { ledgerContract } from './ledger-contract.ts';

const CHANNEL = voidedChannel(SCHEMA);
const { commit: commitPayment, void: voidPayment } = paymentStatements(SCHEMA).writes;
const LONG_MS = 3_600_000;
const CANCELED = 'Payment processing canceled for order: X';

const server = useServer();
let database: Awaited<ReturnType<typeof testDatabase>>;
let [one, other] = [new PaymentServiceUnderTest(), new PaymentServiceUnderTest()];

beforeEach(async () => {
  if (!server.isThere) return;
  database = await testDatabase(server.postgres.url, PAYMENTS);
  [one, other] = [new PaymentServiceUnderTest(), new PaymentServiceUnderTest()];
});
afterEach(async () => {
  await one.close();
  await other.close();
  if (!server.isThere) return;
  await database[Symbol.asyncDispose]();
  await listening(0);
});

/** Resolves once `count` replicas listen for voids. */
const listening = (count: number) =>
  until(`${count} replicas listening`, async () => {
    const text = 'select 1 from pg_stat_activity where query = $1';
    return (await server.ask(text, [`listen "${CHANNEL}"`])).rows.length === count || undefined;
  });
const pending = (key: string) =>
  until(`${key} pending`, async () => {
    const text = "select 1 from payments where payment_key = $1 and status = 'pending'";
    return (await server.ask(text, [key])).rows.length > 0 || undefined;
  });

describe('as every ledger', () =>
  ledgerContract(async () => {
    await server.ask('truncate payments');
    return new PostgresLedger(database, { warn() {} });
  }, 10));

test('a void stops the work of another replica', async () => {
  await one.start(LONG_MS, database);
  await other.start(LONG_MS, database);
  await listening(2);
  const paid = one.pay('stopped').then(({ status, text }) => ({ status, text }));
  await pending('stopped');
  await other.void('stopped').expect(200);
  expect(await paid).toEqual({ status: 408, text: 'Payment canceled\n' });
  expect(one.lines).toMatchObject([{ cause: 'voided', msg: CANCELED }]);
});

test('onVoid is called once, even if a notification follows the void of the same replica', async () => {
  const ledger = new PostgresLedger(database, { warn() {} });
  using scope = new Scope();
  let calls = 0;
  const onVoid = () => {
    calls += 1;
  };
  await ledger.begin('twice', 'X', { scope, onVoid });
  await ledger.void('twice', 'X', { scope });
  ledger.stopWork('twice');
  expect(calls).toBe(1);
});

test('a payment that another replica has voided is not charged, even without a notification', async () => {
  const crossed = meetQueries(database, async (query, text) => {
    if (text === commitPayment) await server.ask("update payments set status = 'voided'");
    return query();
  });
  await one.start(1, { ...crossed, listen: () => {} });
  await one.pay('untold').expect(408);
  expect(one.lines).toMatchObject([{ cause: 'voided', msg: CANCELED }]);
});

test('a payment that arrives after a restart finds the tombstone of its void', async () => {
  await one.start(1, database);
  await one.void('late').expect(200);
  await other.start(1, database);
  await other.pay('late').expect(409, 'Payment for order X was voided\n');
});

test('a key is charged once, whichever replicas get it', async () => {
  await one.start(1, database);
  await other.start(1, database);
  const completed = 'Payment for order X completed\n';
  await one.pay('once').expect(200, completed);
  await other.pay('once').expect(200, completed);
  await other.pay('once', 'Y').expect(422);
  expect(one.messages()).toEqual(['Payment processed for order: X']);
  expect(other.messages()).toEqual([]);
});

test('a payment whose budget is spent before it begins leaves no trace', async () => {
  await one.start(1, database);
  await one.pay('spent', 'late').set('x-envoy-expected-rq-timeout-ms', '0').expect(408);
  expect(await one.payments('late')).toEqual([]);
  await one.pay('spent', 'late').expect(200);
});

test('without its database the list of payments is 503, in plain text', async () => {
  await using pool = createPool('postgres://127.0.0.1:1/nowhere', { maxConnections: 1 });
  await one.start(1, { ...database, pool });
  const listed = request(one.server).get('/payments?orderID=X');
  await listed.expect(503, 'Database unavailable\n').expect('Content-Type', /^text\/plain/);
});

test('a void whose notification fails stands, and leaves one warning', async () => {
  const name = 'unheard';
  await server.ask(`create role ${name} login; grant usage on schema orders to ${name};
    grant all on payments to ${name};
    revoke execute on function pg_notify from public`);
  await using pool = createPool(server.postgres.url.replace('postgres@', `${name}@`), {
    maxConnections: 1,
  });
  await one.start(LONG_MS, { ...database, pool, listen: () => {} });
  const paid = one.pay('unheard').then(({ status }) => status);
  await pending('unheard');
  await one.void('unheard').expect(200);
  expect(await paid).toBe(408);
  const failed = () => one.lines.filter(({ msg }) => String(msg).startsWith('Void not notified'));
  await expect.poll(failed).toMatchObject([{ level: 40, cause: '42501', paymentKey: 'unheard' }]);
  await server.ask('grant execute on function pg_notify to public');
});

test('a commit is not refused, however many queries wait', async () => {
  await using pool = createPool(server.postgres.url, { maxConnections: 1, maxWaiting: 0 });
  const ledger = new PostgresLedger({ ...database, pool }, { warn() {} });
  using scope = new Scope();
  using blocker = new Scope();
  await ledger.begin('busy', 'X', { scope, onVoid: () => {} });
  const blocking = pool.query('select pg_sleep(3600)', [], blocker).catch(() => {});
  const committed = ledger.commit('busy', scope);
  blocker.abort(new ClientDisconnected());
  await blocking;
  expect(await committed).toBe(true);
});

test('a commit that timed out waiting for a lock charges nothing', async () => {
  const limits = { maxConnections: 1, connectTimeoutMs: 500 };
  await using pool = createPool(server.postgres.url, limits);
  await one.start(1_000, { ...database, pool });
  const paid = one.pay('locked').then(({ status, text }) => ({ status, text }));
  const status = async () =>
    (await server.ask("select status from payments where payment_key = 'locked'")).rows[0]?.status;
  await expect.poll(status).toBe('pending');
  const holder = new Client(server.postgres.url);
  await holder.connect();
  await holder.query("begin; select from orders.payments where payment_key = 'locked' for update");
  expect(await paid).toEqual({ status: 503, text: 'Database unavailable\n' });
  await holder.end();
  expect(await status()).toBe('pending');
});

describe('a commit whose connection dies', () => {
  const STUCK = `
    create or replace function stick() returns trigger language plpgsql as $stick$
      begin perform pg_sleep(3600); return new; end $stick$;
    create or replace trigger stick before update on payments for each row
      when (new.payment_key like 'stuck-%' and new.status = 'processed') execute function stick();`;
  const commit = () =>
    until('the commit running', async () => {
      const text = "select pid from pg_stat_activity where state = 'active' and query like $1";
      return (await server.ask(text, ['%update "orders".payments set status = %'])).rows[0];
    });
  const terminate = async () => {
    await server.ask('select pg_terminate_backend($1)', [(await commit()).pid]);
  };

  test('has an unknown outcome: 500, and the payment can be voided', async () => {
    await server.ask(STUCK);
    await one.start(1, database);
    const paid = one.pay('stuck-1').then(({ status, text }) => ({ status, text }));
    await terminate();
    expect(await paid).toEqual({ status: 500, text: 'Payment outcome unknown\n' });
    await one.void('stuck-1').expect(200);
  });

  test('is not logged as canceled if its caller has hung up', async () => {
    await server.ask(STUCK);
    await one.start(1, database);
    const paying = one.pay('stuck-2');
    paying.catch(() => {});
    await commit();
    paying.abort();
    await terminate();
    await expect.poll(() => one.messages()).toEqual(['Payment outcome unknown for order: X']);
  });
});

describe('beside a transaction that has begun a payment', () => {
  const BEGUN =
    "begin; insert into orders.payments (payment_key, order_id, status) values ('crossed', 'X', 'pending')";
  let client: Client;

  beforeEach(async () => {
    if (!server.isThere) return;
    await server.ask('truncate payments');
    client = new Client(server.postgres.url);
    await client.connect();
  });
  afterEach(async () => {
    if (server.isThere) await client.end();
  });

  test('a void notifies the replica at work on the payment', async () => {
    const notified: string[] = [];
    database.listen(CHANNEL, (key) => notified.push(key));
    await listening(1);
    await client.query(BEGUN);
    using scope = new Scope();
    const voided = new PostgresLedger(database, { warn() {} }).void('crossed', 'X', { scope });
    await server.runs(voidPayment);
    await client.query('commit');
    expect(await voided).toBe('voided');
    await expect.poll(() => notified).toEqual(['crossed']);
  });

  test('a start waits for no lock', async () => {
    await client.query(BEGUN);
    await using _started = await testDatabase(server.postgres.url, PAYMENTS);
    await client.query('rollback');
  });
});
