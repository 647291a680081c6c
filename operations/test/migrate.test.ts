import { pino } from 'pino';
import { Scope } from 'request-scope';
import { createPool, type Pool } from 'request-scope-pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Feed } from '../../harness/feed.ts';
import { useServer } from '../../harness/use-server.ts';
import { attemptStatements } from '../../order-service/src/attempts/postgres.ts';
import { PostgresLedger } from '../../payment-service/src/ledger/postgres.ts';
import { openDatabase } from '../../postgres/src/database.ts';
import { Tables } from '../../postgres/src/index.ts';
import { TABLES } from '../tables.ts';
import { runCommand } from './run-command.ts';
import { VERSION_BEFORE } from './version-before.ts';

const DONE = {
  code: 0,
  stdout: 'The tables of schema orders are those of this version.\n',
  stderr: '',
};

const server = useServer();
let shop: Pool;

const urlOf = (role = 'postgres') =>
  server.postgres.url.replace('postgres@', `${role}@`).replace(/postgres$/, 'shop');
const migrate = (args?: string[], variables?: Record<string, string>) =>
  runCommand('migrate', args, { DATABASE_URL: urlOf(), ...variables });

beforeEach(async () => {
  if (!server.isThere) return;
  await server.ask('create database shop');
  shop = createPool(urlOf(), { maxConnections: 1 });
});
afterEach(async () => {
  if (!server.isThere) return;
  await shop.close();
  await server.ask('drop database shop with (force)');
});

test('three runs at once create the tables once', async () => {
  const before = await server.errors();
  expect(await Promise.all([migrate(), migrate(), migrate()])).toEqual([DONE, DONE, DONE]);
  const text = 'select table_name, version from orders.table_versions order by 1';
  expect((await shop.query(text)).rows).toEqual([
    { table_name: 'attempts', version: 2 },
    { table_name: 'payments', version: 2 },
    { table_name: 'products', version: 2 },
  ]);
  expect(await server.errors()).toEqual(before);
});

test('a database administrator can apply the SQL that it prints, and services of a plain role find the tables', async () => {
  await server.ask('create role app login');
  const { code, stdout } = await migrate(['--sql', '--grant-to', 'app'], {
    DATABASE_SCHEMA: 'shop',
  });
  expect(code).toBe(0);
  await shop.query(stdout);
  const log = new Feed<string>();
  const logger = pino({}, { write: (line) => log.push(JSON.parse(line).msg) });
  const leaving = new AbortController();
  const tables = new Tables('shop', TABLES);
  const database = await openDatabase(urlOf('app'), {
    tables,
    maxConnections: 1,
    logger,
    signal: leaving.signal,
  });
  await log.next((line) => line.startsWith('Database'));
  expect(log.items).toEqual(['Database available']);
  leaving.abort();
  await database.close();
  const nothing = await migrate(['--sql'], { DATABASE_SCHEMA: 'shop' });
  expect(nothing.stdout).toBe('-- There is nothing to do.\n');
  await server.ask('drop database shop with (force)');
  await server.ask('drop role app');
  await server.ask('create database shop');
});

test('every text column of an index sorts by its bytes, and not by a locale', async () => {
  await migrate();
  const text = `
    select attname::text from pg_attribute join pg_collation c on c.oid = attcollation
    where attrelid in ('orders.attempts'::regclass, 'orders.payments'::regclass, 'orders.products'::regclass)
      and collname <> 'C'`;
  expect((await shop.query(text)).rows).toEqual([]);
});

test('an error is one line', async () => {
  expect(await migrate([], { DATABASE_URL: '' })).toEqual({
    ...{ code: 1, stdout: '', stderr: 'migrate: DATABASE_URL is not set\n' },
  });
  await shop.query('create schema orders; create table orders.payments (amount int)');
  const { code, stderr } = await migrate();
  expect([code, stderr]).toEqual([
    1,
    'migrate: orders.payments is not a table of this service: set DATABASE_SCHEMA to a schema of its own\n',
  ]);
});

describe('with the tables of the previous version', () => {
  const { attempts, payments, products } = VERSION_BEFORE;

  beforeEach(async () => {
    if (!server.isThere) return;
    await shop.query(attempts + payments + products);
    await shop.query(VERSION_BEFORE.beginAttempt, ['p1', 'mine', '1', 'X', 'r', 60_000]);
    await shop.query(VERSION_BEFORE.beginPayment, ['p1', 'X']);
    await shop.query(VERSION_BEFORE.settle, ['p1', 'processed']);
    await shop.query(VERSION_BEFORE.succeed, ['p1']);
    expect(await migrate()).toEqual(DONE);
  });

  test('its keys are still known', async () => {
    const ledger = new PostgresLedger({ pool: shop, schema: 'orders' }, { warn() {} });
    using scope = new Scope();
    expect(await ledger.begin('p1', 'X', { scope, onVoid: () => {} })).toBe('processed');
    expect((await shop.query(attemptStatements('orders').writes.find, [['mine']])).rows).toEqual([
      { caller_key: 'mine', product_id: '1', order_id: 'X', status: 'processed' },
    ]);
  });

  test('its replicas still work, on the same tables', async () => {
    const ask = async (name: keyof typeof VERSION_BEFORE, ...values: unknown[]) =>
      (await shop.query(VERSION_BEFORE[name], values)).rows;
    expect(await ask('findAttempt', 'mine')).toMatchObject([{ status: 'processed' }]);
    expect(await ask('beginAttempt', 'again', 'mine', '1', 'X', 'r', 60_000)).toEqual([]);
    expect(await ask('beginAttempt', 'p2', 'other', '1', 'Y', 'r', -1)).toHaveLength(1);
    expect(await ask('claimAbandoned', 60_000, 10)).toMatchObject([{ payment_key: 'p2' }]);
    expect(await ask('beginPayment', 'p2', 'Y')).toEqual([{ key: 'p2' }]);
    expect(await ask('void', 'p2', 'Y')).toHaveLength(1);
    expect(await ask('settle', 'p2', 'processed')).toEqual([]);
    expect(await ask('void', 'p3', 'Z')).toHaveLength(1);
    expect(await ask('list', 'X')).toMatchObject([{ key: 'p1', status: 'processed' }]);
    expect(await ask('check', '1234', 0)).toEqual([{ id: '1234' }]);
    const statuses = 'select payment_key, status from orders.payments order by 1';
    expect((await shop.query(statuses)).rows).toEqual([
      { payment_key: 'p1', status: 'processed' },
      { payment_key: 'p2', status: 'voided' },
      { payment_key: 'p3', status: 'voided' },
    ]);
  });

  test('one of its replicas that starts now creates no other tables', async () => {
    // A view can have no index, so its start fails and it stays unhealthy.
    await expect(shop.query(attempts)).rejects.toThrow(/open_attempts|attempts/);
    await expect(shop.query(payments)).rejects.toThrow(/payments/);
    const text = "select count(*)::int from pg_class where relname = 'payments' and relkind = 'r'";
    expect((await shop.query(text)).rows).toEqual([{ count: 1 }]);
  });
});
