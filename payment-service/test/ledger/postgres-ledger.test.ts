import request from 'supertest';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { until } from '../../../harness/until.ts';
import { createPool } from '../../../postgres/src/index.ts';
import { useServer } from '../../../postgres/test/server.ts';
import { meetQueries, SCHEMA, testDatabase } from '../../../postgres/test/test-database.ts';
import { PAYMENTS, PostgresLedger, paymentStatements } from '../../src/ledger/postgres.ts';
import { PaymentServiceUnderTest } from '../payment-service-under-test.ts';
import { ledgerContract } from './ledger-contract.ts';

const { settle } = paymentStatements(SCHEMA);
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
  if (server.isThere) await database[Symbol.asyncDispose]();
});

const listening = () =>
  until('both replicas listening', async () => {
    const text = `select 1 from pg_stat_activity where query = 'listen "orders.payments_voided"'`;
    return (await server.ask(text)).rows.length === 2 || undefined;
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
  await listening();
  const paid = one.pay('stopped').then(({ status, text }) => ({ status, text }));
  await pending('stopped');
  await other.revoke('stopped').expect(200);
  expect(await paid).toEqual({ status: 408, text: 'Payment canceled\n' });
  expect(one.lines).toMatchObject([{ cause: 'voided', msg: CANCELED }]);
});

test('what another replica has voided is not charged, even if nobody was told', async () => {
  const crossed = meetQueries(database, async (query, text) => {
    if (text === settle) await server.ask("update payments set status = 'voided'");
    return query();
  });
  await one.start(1, { ...crossed, listen: () => {} });
  await one.pay('untold').expect(408);
  expect(one.lines).toMatchObject([{ cause: 'voided', msg: CANCELED }]);
});

test('a payment that arrives after a restart finds the tombstone of its void', async () => {
  await one.start(1, database);
  await one.revoke('late').expect(200);
  await other.start(1, database);
  await other.pay('late').expect(409, 'Payment for order X was voided\n');
});

test('a key is charged once, whichever replica it comes to', async () => {
  await one.start(1, database);
  await other.start(1, database);
  const completed = 'Payment for order X completed\n';
  await one.pay('once').expect(200, completed);
  await other.pay('once').expect(200, completed);
  await other.pay('once', 'Y').expect(422);
  expect(one.messages()).toEqual(['Payment processed for order: X']);
  expect(other.messages()).toEqual([]);
});

test('a payment whose budget was spent before it began leaves nothing', async () => {
  await one.start(1, database);
  await one.pay('spent', 'late').set('x-envoy-expected-rq-timeout-ms', '0').expect(408);
  expect(await one.payments('late')).toEqual([]);
  await one.pay('spent', 'late').expect(200);
});

test('where the database is lost the list of payments is refused in plain text', async () => {
  await using pool = createPool('postgres://127.0.0.1:1/nowhere', { maxConnections: 1 });
  await one.start(1, { ...database, pool });
  const listed = request(one.server).get('/payments?orderID=X');
  await listed.expect(503, 'Database unavailable\n').expect('Content-Type', /^text\/plain/);
});

test('where nobody can be notified a void is a void, and one line says so', async () => {
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
  await one.revoke('unheard').expect(200);
  expect(await paid).toBe(408);
  const failed = () => one.lines.filter(({ msg }) => String(msg).startsWith('Void not notified'));
  await expect.poll(failed).toMatchObject([{ level: 40, cause: '42501', paymentKey: 'unheard' }]);
  await server.ask('grant execute on function pg_notify to public');
});
