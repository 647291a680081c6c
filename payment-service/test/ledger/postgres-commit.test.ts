import { Client } from 'pg';
import { ClientDisconnected, Scope } from 'request-scope';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { until } from '../../../harness/until.ts';
import { createPool } from '../../../postgres/src/index.ts';
import { useServer } from '../../../postgres/test/server.ts';
import { testDatabase } from '../../../postgres/test/test-database.ts';
import { PAYMENTS, PostgresLedger } from '../../src/ledger/postgres.ts';
import { PaymentServiceUnderTest } from '../payment-service-under-test.ts';

const server = useServer();
let database: Awaited<ReturnType<typeof testDatabase>>;
let one = new PaymentServiceUnderTest();

beforeEach(async () => {
  if (!server.isThere) return;
  database = await testDatabase(server.postgres.url, PAYMENTS);
  one = new PaymentServiceUnderTest();
});
afterEach(async () => {
  await one.close();
  if (server.isThere) await database[Symbol.asyncDispose]();
});

test('a commit is not refused, however many wait', async () => {
  await using pool = createPool(server.postgres.url, { maxConnections: 1, maxWaiting: 0 });
  const ledger = new PostgresLedger({ ...database, pool }, { warn() {} });
  using scope = new Scope();
  using blocker = new Scope();
  await ledger.begin('busy', 'X', scope);
  const blocking = pool.query('select pg_sleep(3600)', [], blocker).catch(() => {});
  const committed = ledger.commit('busy', scope);
  blocker.abort(new ClientDisconnected());
  await blocking;
  expect(await committed).toBe(true);
});

test('a commit that waited for a lock in vain was not done, and its payment is not charged', async () => {
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
    until('the commit at work', async () => {
      const text = "select pid from pg_stat_activity where state = 'active' and query like $1";
      return (await server.ask(text, ['%update "orders".payments set status = %'])).rows[0];
    });
  const endIt = async () => {
    await server.ask('select pg_terminate_backend($1)', [(await commit()).pid]);
  };

  test('is unknown: 500, and its void works', async () => {
    await server.ask(STUCK);
    await one.start(1, database);
    const paid = one.pay('stuck-1').then(({ status, text }) => ({ status, text }));
    await endIt();
    expect(await paid).toEqual({ status: 500, text: 'Payment outcome unknown\n' });
    await one.revoke('stuck-1').expect(200);
  });

  test('is not called canceled when its caller has left', async () => {
    await server.ask(STUCK);
    await one.start(1, database);
    const paying = one.pay('stuck-2');
    paying.catch(() => {});
    await commit();
    paying.abort();
    await endIt();
    await expect.poll(() => one.messages()).toEqual(['Payment outcome unknown for order: X']);
  });
});
