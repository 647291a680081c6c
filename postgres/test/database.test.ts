import { Client } from 'pg';
import { afterEach, expect, test } from 'vitest';
import { Feed } from '../../harness/feed.ts';
import { startRelay } from '../../harness/relay.ts';
import { openDatabase } from '../src/database.ts';
import { type Table, Tables } from '../src/index.ts';
import { useServer } from './server.ts';

const write = { toItsEnd: true };

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

/** Opens it as a service does; what it logs is in `told`. */
async function open(url: string, maxConnections = 2) {
  const told = new Feed<string>();
  const tell = (line: string) => told.push(line);
  const leaving = new AbortController();
  const logger = { info: tell, warn: tell, error: (_fields: object, line: string) => tell(line) };
  const options = { connectTimeoutMs: 500 };
  const database = await openDatabase(
    url,
    NO_TABLES,
    maxConnections,
    logger,
    leaving.signal,
    options,
  );
  closing.push(async () => {
    leaving.abort();
    await database.close();
  });
  return { database, told };
}

const isAvailable = (line: string) => line === 'Database available';
const isAway = (code: string) => (line: string) => line.includes(`unavailable (${code})`);

test('it is unavailable while most queries fail, says why, and is available by itself again', async () => {
  await server.ask('create table orders (id text)');
  const { database, told } = await open(server.postgres.url);
  await told.next(isAvailable);
  expect(database).toMatchObject({ isAvailable: true, reason: undefined });
  const holder = new Client(server.postgres.url);
  await holder.connect();
  await holder.query('begin; lock table orders');
  const order = () => database.pool.query("insert into orders values ('1')", [], undefined, write);
  await expect(order()).rejects.toMatchObject({ code: '57014' });
  await told.next(isAway('57014'));
  expect(database).toMatchObject({ isAvailable: false, reason: '57014' });
  await holder.end();
  await order();
  await told.next(isAvailable, 2);
  expect(database).toMatchObject({ isAvailable: true, reason: undefined });
});

test('without a query it is available again by what the looks at the server find', async () => {
  const { database, told } = await open(server.postgres.url);
  await told.next(isAvailable);
  await server.ask('alter database postgres set default_transaction_read_only = on');
  await expect(database.pool.query('create table unwanted ()')).rejects.toMatchObject({
    code: '25006',
  });
  await told.next(isAway('25006'));
  const reset = 'alter database postgres reset default_transaction_read_only';
  await server.ask(`set default_transaction_read_only = off; ${reset}`);
  await told.next(isAvailable, 2);
  await database.pool.query('create table wanted ()');
});

test('while the server is known to be away, what may be refused is, and a verdict is tried', async () => {
  await using relay = await startRelay();
  relay.port = Number(new URL(server.postgres.url).port);
  const url = `postgres://postgres@${new URL(relay.url).host}/postgres`;
  const { database, told } = await open(url, 1);
  await told.next(isAvailable);
  relay.cut();
  await told.next((line) => line.startsWith('Database unavailable'));
  const settled: string[] = [];
  const ask = (name: string, mayBeRefused: boolean) =>
    database.pool
      .query('select 1', [], undefined, { mayBeRefused })
      .then(() => settled.push(name))
      .catch(({ mayBeDone }) => settled.push(`${name} failed, ${mayBeDone}`));
  // It has the only connection while it is tried.
  const verdict = ask('verdict', false);
  await ask('order', true);
  expect(settled).toEqual(['order failed, false']);
  await verdict;
  expect(settled).toHaveLength(2);
  relay.heal();
  await told.next(isAvailable, 2);
  await ask('order', true);
  expect(settled.at(-1)).toBe('order');
});

test('a server without a connection for us is unavailable, though the look has one', async () => {
  await server.ask('create role few login connection limit 1');
  const few = server.postgres.url.replace('postgres@', 'few@');
  const { database, told } = await open(few, 2);
  await told.next(isAvailable);
  await expect(database.pool.query('select 1')).rejects.toMatchObject({ code: '53300' });
  await told.next(isAway('53300'));
});

/** A service's database, as the role, and what it logs, until it is disposed of. */
async function openAs(role: string) {
  const log = new Feed<string>();
  const leaving = new AbortController();
  const logger = {
    info: (message: string) => log.push(message),
    warn: (message: string) => log.push(message),
    error: (_fields: object, message: string) => log.push(message),
  };
  const url = `${server.postgres.url.replace('postgres@', `${role}@`)}?application_name=${role}`;
  const tables = new Tables('shop', [THINGS]);
  let looks = 0;
  const counting: typeof tables.prepare = (run) => {
    looks += 1;
    return tables.prepare(run);
  };
  const refuse = ({ message }: Error) => log.push(`refused: ${message}`);
  const its = { schema: 'shop', prepare: counting };
  const database = await openDatabase(url, its, 1, logger, leaving.signal, {
    onRefused: refuse,
  });
  return {
    log,
    database,
    looks: () => looks,
    async [Symbol.asyncDispose]() {
      leaving.abort();
      await database.close();
    },
  };
}

test('without its tables it is not available, says why once, and is available once they are made', async () => {
  await server.ask('create role app login');
  const errorsBefore = await server.errors();
  await using service = await openAs('app');
  await expect.poll(service.looks).toBeGreaterThan(2);
  expect(service.log.items).toEqual([
    expect.stringMatching(/^Database not ready: .* npm run migrate/),
  ]);
  expect(service.database.isAvailable).toBe(false);
  expect(await server.errors()).toEqual(errorsBefore);
  await using _owner = await openAs('postgres');
  await service.log.next((line) => line.startsWith('Database not ready: role app needs'));
  await server.ask('grant usage on schema shop to app');
  await server.ask('grant select on all tables in schema shop to app');
  await service.log.next((line) => line === 'Database available');
  expect(service.database.isAvailable).toBe(true);
});

test('a service that has used the database is not ended for what becomes of its tables', async () => {
  await using service = await openAs('postgres');
  await service.log.next((line) => line === 'Database available');
  await server.ask('update shop.table_versions set version = 9');
  await server.postgres.stop();
  await service.log.next((line) => line.startsWith('Database unavailable'));
  await server.postgres.restart();
  await service.log.next((line) =>
    line.startsWith('Database not ready: shop.things is of version 9'),
  );
  expect(service.log.items.filter((line) => line.startsWith('refused'))).toEqual([]);
  await using other = await openAs('postgres');
  await other.log.next((line) => line.startsWith('refused: shop.things is of version 9'));
});
