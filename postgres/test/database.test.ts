import { Client } from 'pg';
import { afterEach, expect, test } from 'vitest';
import { Feed } from '../../harness/feed.ts';
import { startRelay } from '../../harness/network.ts';
import { hasPgBouncer, startPgBouncer } from '../../harness/pgbouncer.ts';
import { useServer } from '../../harness/use-server.ts';
import { type DatabaseOptions, openDatabase } from '../src/database.ts';
import { type Table, Tables } from '../src/index.ts';

const write = { uncancelable: true };

const NO_TABLES = { schema: 'orders', prepare: async () => {} };

const THINGS: Table = {
  name: 'things',
  privileges: ['select'],
  columns: ['id text not null'],
  migrations: [(table) => [`create table ${table} (id text primary key)`]],
  unversioned: { columns: [] },
};

const server = useServer();
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** Opens a database as a service does, until the end of the test. */
async function open(url: string, options: Partial<DatabaseOptions> = {}) {
  const log = new Feed<string>();
  const push = (line: string) => log.push(line);
  const leaving = new AbortController();
  const database = await openDatabase(url, {
    tables: NO_TABLES,
    maxConnections: 2,
    logger: { info: push, warn: push, error: (_fields, line) => push(line) },
    signal: leaving.signal,
    connectTimeoutMs: 500,
    pauseMs: 100,
    ...options,
  });
  closing.push(async () => {
    leaving.abort();
    await database.close();
  });
  return { database, log };
}

const isAvailable = (line: string) => line === 'Database available';
const isAway = (code: string) => (line: string) => line.includes(`unavailable (${code})`);

test('it is unavailable while most queries fail, says why, and recovers by itself', async () => {
  await server.ask('create table orders (id text)');
  const { database, log } = await open(server.postgres.url);
  await log.next(isAvailable);
  expect(database).toMatchObject({ isAvailable: true, reason: undefined });
  const holder = new Client(server.postgres.url);
  await holder.connect();
  await holder.query('begin; lock table orders');
  const order = () => database.pool.query("insert into orders values ('1')", [], undefined, write);
  await expect(order()).rejects.toMatchObject({ code: '57014' });
  await log.next(isAway('57014'));
  expect(database).toMatchObject({ isAvailable: false, reason: '57014' });
  await holder.end();
  await order();
  await log.next(isAvailable, 2);
  expect(database).toMatchObject({ isAvailable: true, reason: undefined });
});

test('a query before the first check is refused: the tables may not be there yet', async () => {
  let prepared = () => {};
  const preparing = new Promise<void>((resolve) => {
    prepared = resolve;
  });
  const tables = { schema: 'orders', prepare: () => preparing };
  const { database, log } = await open(server.postgres.url, { tables });
  const order = () => database.pool.query('select 1', [], undefined, { refusable: true });
  await expect(order()).rejects.toMatchObject({ code: 'starting', mayBeDone: false });
  prepared();
  await log.next(isAvailable);
  await order();
});

test('after the first check a query is refused with its reason, even while others are answered', async () => {
  const opened: Awaited<ReturnType<typeof open>>[] = [];
  const prepare = async () => {
    await opened[0]?.database.pool.query('select 1');
    throw Object.assign(new Error('not yet'), { code: 'no-tables' });
  };
  opened.push(await open(server.postgres.url, { tables: { schema: 'orders', prepare } }));
  const [{ database, log }] = opened as [(typeof opened)[number]];
  await log.next(isAway('no-tables'));
  const order = database.pool.query('select 1', [], undefined, { refusable: true });
  await expect(order).rejects.toMatchObject({ code: 'no-tables', mayBeDone: false });
});

test('without a query it recovers by what the checks of the server find', async () => {
  const { database, log } = await open(server.postgres.url);
  await log.next(isAvailable);
  await server.ask('alter database postgres set default_transaction_read_only = on');
  await expect(database.pool.query('create table unwanted ()')).rejects.toMatchObject({
    code: '25006',
  });
  await log.next(isAway('25006'));
  const reset = 'alter database postgres reset default_transaction_read_only';
  await server.ask(`set default_transaction_read_only = off; ${reset}`);
  await log.next(isAvailable, 2);
  await database.pool.query('create table wanted ()');
});

test('while the server is known to be away refusable queries are refused, and others are tried', async () => {
  await using relay = await startRelay();
  relay.port = Number(new URL(server.postgres.url).port);
  const url = `postgres://postgres@${new URL(relay.url).host}/postgres`;
  const { database, log } = await open(url, { maxConnections: 1 });
  await log.next(isAvailable);
  relay.cut();
  await log.next((line) => line.startsWith('Database unavailable'));
  const settled: string[] = [];
  const ask = (name: string, refusable: boolean) =>
    database.pool
      .query('select 1', [], undefined, { refusable })
      .then(() => settled.push(name))
      .catch(({ mayBeDone }) => settled.push(`${name} failed, ${mayBeDone}`));
  // This query has the only connection while it is tried.
  const necessary = ask('necessary', false);
  await ask('refusable', true);
  expect(settled).toEqual(['refusable failed, false']);
  await necessary;
  expect(settled).toHaveLength(2);
  relay.heal();
  await log.next(isAvailable, 2);
  await ask('refusable', true);
  expect(settled.at(-1)).toBe('refusable');
});

test('a server without a connection left is unavailable, though the watch has one', async () => {
  await server.ask('create role few login connection limit 1');
  const few = server.postgres.url.replace('postgres@', 'few@');
  const { database, log } = await open(few);
  await log.next(isAvailable);
  await expect(database.pool.query('select 1')).rejects.toMatchObject({ code: '53300' });
  await log.next(isAway('53300'));
});

/** Opens a database with a table, as a service of the role does. */
async function openAs(role: string) {
  const tables = new Tables('shop', [THINGS]);
  let checks = 0;
  const prepare: typeof tables.prepare = (run) => {
    checks += 1;
    return tables.prepare(run);
  };
  const refusals: string[] = [];
  const url = server.postgres.url.replace('postgres@', `${role}@`);
  const { database, log } = await open(url, {
    tables: { schema: 'shop', prepare },
    maxConnections: 1,
    onRefused: ({ message }) => refusals.push(message),
  });
  return { log, database, refusals, checks: () => checks };
}

test('without its tables it is unavailable, says why once, and is available once they are there', async () => {
  await server.ask('create role app login');
  const errorsBefore = await server.errors();
  const service = await openAs('app');
  await expect.poll(service.checks).toBeGreaterThan(2);
  expect(service.log.items).toEqual([
    expect.stringMatching(/^Database not ready: .* npm run migrate/),
  ]);
  expect(service.database.isAvailable).toBe(false);
  expect(await server.errors()).toEqual(errorsBefore);
  await openAs('postgres');
  await service.log.next((line) => line.startsWith('Database not ready: role app needs'));
  await server.ask('grant usage on schema shop to app');
  await server.ask('grant select on all tables in schema shop to app');
  await service.log.next((line) => line === 'Database available');
  expect(service.database.isAvailable).toBe(true);
});

test('tables that become unusable end a new service, but not one that has used them', async () => {
  const service = await openAs('postgres');
  await service.log.next((line) => line === 'Database available');
  await server.ask('update shop.table_versions set version = 9');
  await server.postgres.stop();
  await service.log.next((line) => line.startsWith('Database unavailable'));
  await server.postgres.restart();
  await service.log.next((line) =>
    line.startsWith('Database not ready: shop.things has version 9'),
  );
  expect(service.refusals).toEqual([]);
  const other = await openAs('postgres');
  await expect
    .poll(() => other.refusals)
    .toEqual([expect.stringMatching(/^shop.things has version 9/)]);
});

test('it receives notifications while its service drains, until it is closed', async () => {
  const leaving = new AbortController();
  const url = `${server.postgres.url}?application_name=draining`;
  const { database } = await open(url, { signal: leaving.signal });
  const received: string[] = [];
  database.listen('channel', (payload) => received.push(payload));
  const isListening = 'select 1 from pg_stat_activity where query = $1';
  const text = 'listen "channel"';
  await expect.poll(async () => (await server.ask(isListening, [text])).rows).toHaveLength(1);
  leaving.abort();
  await server.ask("select pg_notify('channel', 'while it drains')");
  await expect.poll(() => received).toEqual(['while it drains']);
  await database.close();
  await server.leaves('draining');
});

test('a pooler in transaction mode is no database, and the log says so in one line', async ({
  skip,
}) => {
  skip(!hasPgBouncer, 'PgBouncer is not installed');
  await using bouncer = await startPgBouncer(server.postgres.url, { pool_mode: 'transaction' });
  const { database, log } = await open(bouncer.url, { maxConnections: 1 });
  const line = 'Database unavailable (transaction-pooling), it is tried again';
  expect(await log.next(() => true)).toBe(line);
  const refused = database.pool.query('select 1', [], undefined, { refusable: true });
  await expect(refused).rejects.toMatchObject({ code: 'transaction-pooling' });
});
