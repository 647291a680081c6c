import { once } from 'node:events';
import { createServer } from 'node:net';
import { createPool, DatabaseUnavailable } from 'request-scope-pg';
import { expect, test } from 'vitest';
import { Feed } from '../../harness/feed.ts';
import { portOf, reservePorts } from '../../harness/network.ts';
import { fatal } from '../../harness/server-message.ts';
import { useServer } from '../../harness/use-server.ts';
import { type Run, type Table, Tables, watchAvailability } from '../src/index.ts';

/** Without a lock two that find it missing at the same time would both create it. */
const TABLE: Table = {
  name: 'made',
  privileges: ['select'],
  columns: [],
  migrations: [(table) => ['select pg_sleep(0.2)', `create table ${table} ()`]],
  unversioned: { columns: ['none text'] },
};

const server = useServer();

/** Watches until it is disposed of; `changes` has what it reports. */
function watchAt(url: string) {
  const changes = new Feed<string>();
  const leaving = new AbortController();
  const prepare = (run: Run) => new Tables('public', [TABLE]).prepare(run);
  const reasons = new Feed<string>();
  const codeOf = (error: Error) =>
    error instanceof DatabaseUnavailable ? error.code : error.message;
  const down = (error: Error) => void changes.push(`down: ${codeOf(error)}`);
  const checked = (away?: Error) => void reasons.push(away ? codeOf(away) : 'none');
  const observer = { up: () => changes.push('up'), down, checked };
  const ended = watchAvailability(url, prepare, observer, leaving.signal, { pauseMs: 100 });
  return {
    changes,
    reasons,
    async [Symbol.asyncDispose]() {
      leaving.abort();
      await ended;
    },
  };
}

test('it reports each change, from the first check on, and creates the tables first', async () => {
  await server.postgres.stop();
  await using watcher = watchAt(server.postgres.url);
  const { changes } = watcher;
  await changes.next((what) => what === 'down: ECONNREFUSED');
  await server.postgres.restart();
  await changes.next((what) => what === 'up');
  expect((await server.ask("select to_regclass('made')::text as name")).rows).toEqual([
    { name: 'made' },
  ]);
  await server.postgres.stop();
  await changes.next((what) => what.startsWith('down'), 2);
  await server.postgres.restart();
  await changes.next((what) => what === 'up', 2);
  expect(changes.items.map((what) => what.split(':')[0])).toEqual(['down', 'up', 'down', 'up']);
});

test('it reports once that the server is away, however often it checks', async () => {
  const refusing = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
  await once(refusing, 'listening');
  await using watcher = watchAt(`postgres://127.0.0.1:${portOf(refusing)}/nowhere`);
  for (let checks = 0; checks < 3; checks += 1) await once(refusing, 'connection');
  expect(watcher.changes.items).toHaveLength(1);
  refusing.close();
});

test('each check says why the server is away now: it cannot be reached, then refuses the password', async () => {
  const {
    ports: [port],
    release,
  } = await reservePorts(1);
  await release();
  await using watcher = watchAt(`postgres://127.0.0.1:${port}/nowhere`);
  await watcher.reasons.next((why) => why === 'ECONNREFUSED');
  const refusing = createServer((socket) => {
    socket.on('error', () => {}).end(fatal('28P01', 'password authentication failed'));
  }).listen(port, '127.0.0.1');
  await watcher.reasons.next((why) => why === '28P01');
  expect(watcher.changes.items).toEqual(['down: ECONNREFUSED']);
  refusing.close();
});

test('ten watches that start at the same time create the tables once, and leave no connection', async () => {
  await server.ask('drop table if exists made, table_versions');
  const watchers = Array.from({ length: 10 }, () =>
    watchAt(`${server.postgres.url}?application_name=watcher`),
  );
  for (const { changes } of watchers) await changes.next((what) => what === 'up');
  for (const { changes } of watchers) expect(changes.items).toEqual(['up']);
  for (const watcher of watchers) await watcher[Symbol.asyncDispose]();
  await server.leaves('watcher');
});

test('it creates the tables again in a database that was created again', async () => {
  const url = server.postgres.url.replace(/postgres$/, 'anew');
  await server.ask('create database anew');
  {
    await using watcher = watchAt(url);
    await watcher.changes.next((what) => what === 'up');
    await server.ask('drop database anew with (force)');
    await watcher.changes.next((what) => what.startsWith('down'));
    await server.ask('create database anew');
    await watcher.changes.next((what) => what === 'up', 2);
    await using pool = createPool(url, { maxConnections: 1 });
    expect((await pool.query("select to_regclass('made')::text as name")).rows).toEqual([
      { name: 'made' },
    ]);
  }
  await server.ask('drop database anew');
});

test('a server that is read-only counts as away', async () => {
  const url = server.postgres.url.replace(/postgres$/, 'replica');
  await server.ask('create database replica');
  {
    await using watcher = watchAt(url);
    await watcher.changes.next((what) => what === 'up');
    await server.ask('alter database replica set default_transaction_read_only = on');
    await server.ask(
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'replica'",
    );
    await watcher.changes.next((what) => what === 'down: 25006');
    await server.ask('alter database replica reset default_transaction_read_only');
    await watcher.changes.next((what) => what === 'up', 2);
  }
  await server.ask('drop database replica with (force)');
});
