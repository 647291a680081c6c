import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { Feed } from '../../harness/feed.ts';
import { portOf } from '../../harness/port-of.ts';
import {
  createPool,
  DatabaseUnavailable,
  type Run,
  type Table,
  Tables,
  watch,
} from '../src/index.ts';
import { useServer } from './server.ts';

/** Two that find it missing at the same time would both make it. */
const TABLE: Table = {
  name: 'made',
  privileges: ['select'],
  columns: [],
  migrations: [(table) => ['select pg_sleep(0.2)', `create table ${table} ()`]],
  unversioned: { columns: ['none text'] },
};

const server = useServer();

/** Watches until it is disposed of, and keeps what it is told. */
function watchAt(url: string) {
  const told = new Feed<string>();
  const leaving = new AbortController();
  const prepare = (run: Run) => new Tables('public', [TABLE]).prepare(run);
  const down = (error: Error) => {
    const code = error instanceof DatabaseUnavailable ? error.code : error.message;
    told.push(`down: ${code}`);
  };
  const ended = watch(url, prepare, { up: () => told.push('up'), down }, leaving.signal);
  return {
    told,
    async [Symbol.asyncDispose]() {
      leaving.abort();
      await ended;
    },
  };
}

test('watch tells of each change, from the first look on, and makes the schema first', async () => {
  await server.postgres.stop();
  await using watcher = watchAt(server.postgres.url);
  const { told } = watcher;
  await told.next((what) => what === 'down: ECONNREFUSED');
  await server.postgres.restart();
  await told.next((what) => what === 'up');
  expect((await server.ask("select to_regclass('made')::text as name")).rows).toEqual([
    { name: 'made' },
  ]);
  await server.postgres.stop();
  await told.next((what) => what.startsWith('down'), 2);
  await server.postgres.restart();
  await told.next((what) => what === 'up', 2);
  expect(told.items.map((what) => what.split(':')[0])).toEqual(['down', 'up', 'down', 'up']);
});

test('watch says once that the server is away, however often it looks', async () => {
  const refusing = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
  await once(refusing, 'listening');
  await using watcher = watchAt(`postgres://127.0.0.1:${portOf(refusing)}/nowhere`);
  for (let looks = 0; looks < 3; looks += 1) await once(refusing, 'connection');
  expect(watcher.told.items).toHaveLength(1);
  refusing.close();
});

test('ten watches that come at the same time make the schema once, and leave no connection', async () => {
  await server.ask('drop table if exists made, table_versions');
  const watchers = Array.from({ length: 10 }, () =>
    watchAt(`${server.postgres.url}?application_name=watcher`),
  );
  for (const { told } of watchers) await told.next((what) => what === 'up');
  for (const { told } of watchers) expect(told.items).toEqual(['up']);
  for (const watcher of watchers) await watcher[Symbol.asyncDispose]();
  await server.leaves('watcher');
});

test('watch makes the schema again in a database that was made anew', async () => {
  const url = server.postgres.url.replace(/postgres$/, 'anew');
  await server.ask('create database anew');
  {
    await using watcher = watchAt(url);
    await watcher.told.next((what) => what === 'up');
    await server.ask('drop database anew with (force)');
    await watcher.told.next((what) => what.startsWith('down'));
    await server.ask('create database anew');
    await watcher.told.next((what) => what === 'up', 2);
    await using pool = createPool(url, { maxConnections: 1 });
    expect((await pool.query("select to_regclass('made')::text as name")).rows).toEqual([
      { name: 'made' },
    ]);
  }
  await server.ask('drop database anew');
});

test('a server that is read-only is away, until it is not', async () => {
  const url = server.postgres.url.replace(/postgres$/, 'replica');
  await server.ask('create database replica');
  {
    await using watcher = watchAt(url);
    await watcher.told.next((what) => what === 'up');
    await server.ask('alter database replica set default_transaction_read_only = on');
    await server.ask(
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'replica'",
    );
    await watcher.told.next((what) => what === 'down: 25006');
    await server.ask('alter database replica reset default_transaction_read_only');
    await watcher.told.next((what) => what === 'up', 2);
  }
  await server.ask('drop database replica with (force)');
});
