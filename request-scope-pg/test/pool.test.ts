import { getEventListeners, once } from 'node:events';
import { createServer } from 'node:net';
import { ClientDisconnected, DeadlineExceeded, Scope } from 'request-scope';
import { expect, test } from 'vitest';
import { portOf } from '../../harness/network.ts';
import { useServer } from '../../harness/use-server.ts';
import { createPool, DatabaseUnavailable } from '../src/index.ts';

const LONG = 'select pg_sleep(3600)';

const server = useServer();

test('it answers a query', async () => {
  await using pool = createPool(server.postgres.url, { maxConnections: 1 });
  using scope = new Scope(60_000);
  const { rows } = await pool.query('select $1::int + 1 as sum', [1], scope);
  expect(rows).toEqual([{ sum: 2 }]);
  expect(getEventListeners(scope.signal, 'abort')).toEqual([]);
});

test('it stops the statement in the database when the scope aborts, and leaves no listener', async () => {
  await using pool = createPool(server.postgres.url, { maxConnections: 1 });
  using scope = new Scope();
  const query = pool.query(LONG, [], scope);
  await server.runs(LONG);
  const reason = new ClientDisconnected();
  scope.abort(reason);
  await expect(query).rejects.toBe(reason);
  await server.stops(LONG);
  expect(await pool.query('select 1 as next')).toMatchObject({ rows: [{ next: 1 }] });
  expect(getEventListeners(scope.signal, 'abort')).toEqual([]);
});

test('it stops many statements at once', async () => {
  await using pool = createPool(server.postgres.url, { maxConnections: 20 });
  using scope = new Scope();
  const queries = Promise.allSettled(Array.from({ length: 20 }, () => pool.query(LONG, [], scope)));
  await server.runs(LONG, 20);
  scope.abort(new ClientDisconnected());
  expect(new Set((await queries).map(({ status }) => status))).toEqual(new Set(['rejected']));
  await server.stops(LONG);
});

test('it sends nothing under a scope that has aborted', async () => {
  await using pool = createPool('postgres://127.0.0.1:1/nowhere', { maxConnections: 1 });
  using scope = new Scope();
  const reason = new ClientDisconnected();
  scope.abort(reason);
  await expect(pool.query(LONG, [], scope)).rejects.toBe(reason);
});

test('an aborted query does not wait for a connection that takes long to open', async () => {
  const silent = createServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const url = `postgres://postgres@127.0.0.1:${portOf(silent)}/postgres`;
  await using pool = createPool(url, { maxConnections: 1, connectTimeoutMs: 500 });
  using scope = new Scope();
  const query = pool.query(LONG, [], scope);
  const [socket] = await once(silent, 'connection');
  socket.on('error', () => {});
  const reason = new ClientDisconnected();
  scope.abort(reason);
  await expect(query).rejects.toBe(reason);
  const next = pool.query('select 1');
  await expect(next).rejects.toMatchObject({ name: 'DatabaseUnavailable', code: 'timeout' });
  silent.close();
});

test('a query that cannot finish in the rest of its budget is not sent', async () => {
  await server.ask('create table begun (name text)');
  const insert = 'insert into begun values ($1)';
  await using pool = createPool(server.postgres.url, { maxConnections: 1 });
  using blocker = new Scope();
  using hasTime = new Scope(3_600_000);
  const blocking = pool.query(LONG, [], blocker);
  await server.runs(LONG);
  // It has time enough when it joins the queue, and too little when its turn comes.
  const deadline = performance.now() + 3_600_000;
  const hopeless = {
    signal: new AbortController().signal,
    get remainingMs() {
      return deadline - performance.now();
    },
  };
  const refused = pool.query(insert, ['hopeless'], hopeless, { expectedMs: 3_600_000 });
  const begun = pool.query(insert, ['has time'], hasTime, { expectedMs: 60_000 });
  blocker.abort(new DeadlineExceeded());
  await expect(blocking).rejects.toThrow(DeadlineExceeded);
  await expect(refused).rejects.toThrow(DeadlineExceeded);
  await begun;
  expect((await server.ask('select name from begun')).rows).toEqual([{ name: 'has time' }]);
});

test('a connection that the server ends fails its own query, and no other', async () => {
  await using pool = createPool(server.postgres.url, { maxConnections: 1 });
  const failure = pool.query(LONG).catch((error: unknown) => error);
  await server.runs(LONG);
  const next = pool.query('select 1 as one');
  await server.ask('select pg_terminate_backend(pid) from pg_stat_activity where query = $1', [
    LONG,
  ]);
  expect(await failure).toMatchObject({ name: 'DatabaseUnavailable', code: '57P01' });
  expect((await next).rows).toEqual([{ one: 1 }]);
});

test('a transaction that was left open does not affect the next query', async () => {
  await using pool = createPool(server.postgres.url, { maxConnections: 1 });
  await pool.query('begin');
  const { rows } = await pool.query(
    'select pg_current_xact_id_if_assigned() as id, now() = statement_timestamp() as alone',
  );
  expect(rows).toEqual([{ id: null, alone: true }]);
});

test("a query that fails rejects with pg's error, and its connection is used again", async () => {
  await using pool = createPool(server.postgres.url, { maxConnections: 1 });
  const pid = async () => (await pool.query('select pg_backend_pid() as pid')).rows[0]?.pid;
  const before = await pid();
  await expect(pool.query('select 1/0')).rejects.toMatchObject({ code: '22012' });
  const circular: { self?: unknown } = {};
  circular.self = circular;
  await expect(pool.query('select $1::json', [circular])).rejects.toThrow('circular');
  expect(await pid()).toBe(before);
});

test('when a server is killed its queries fail, and when it is back they succeed', async () => {
  await using pool = createPool(server.postgres.url, { maxConnections: 3 });
  using scope = new Scope(3_600_000);
  const failures = [pool.query(LONG, [], scope), pool.query(LONG)].map((query) =>
    query.then(String, (error: Error) => error),
  );
  await server.runs(LONG, 2);
  await server.postgres.kill();
  for (const failure of failures) expect(await failure).toBeInstanceOf(DatabaseUnavailable);
  await expect(pool.query('select 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  await server.postgres.restart();
  const { rows } = await pool.query('select 1 as one', [], scope);
  expect(rows).toEqual([{ one: 1 }]);
  await server.postgres.stop();
  await expect(pool.query('select 1')).rejects.toBeInstanceOf(Error);
  await server.postgres.restart();
  using another = new Scope();
  const query = pool.query(LONG, [], another);
  await server.runs(LONG);
  another.abort(new DeadlineExceeded());
  await expect(query).rejects.toThrow(DeadlineExceeded);
  await server.stops(LONG);
});

test('a server that refuses the connection, or any write, is unavailable', async () => {
  const url = new URL(server.postgres.url);
  const failureAt = async (path: string, text: string) => {
    await using pool = createPool(new URL(path, url).href, { maxConnections: 1 });
    return await pool.query(text).catch((error: unknown) => error);
  };
  const readOnly = '/postgres?options=-cdefault_transaction_read_only=on';
  const written = await failureAt(readOnly, 'create table never (id int)');
  expect(written).toMatchObject({ name: 'DatabaseUnavailable', code: '25006' });
  const absent = await failureAt('/absent', 'select 1');
  expect(absent).toMatchObject({ name: 'DatabaseUnavailable', code: '3D000' });
  url.username = 'stranger';
  const refused = await failureAt('/postgres', 'select 1');
  expect(refused).toMatchObject({ name: 'DatabaseUnavailable', code: '28000' });
});

test('connections from when the database was read-only are closed with the first that fails', async () => {
  await server.ask('create database window_of');
  const url = new URL('/window_of', server.postgres.url).href;
  await using pool = createPool(url, { maxConnections: 3 });
  await server.ask('alter database window_of set default_transaction_read_only = on');
  const open = () => pool.query('select pg_sleep(0.1)');
  await Promise.all([open(), open(), open()]);
  await server.ask('alter database window_of reset default_transaction_read_only');
  const write = () => pool.query('create temporary table if not exists written ()');
  await expect(write()).rejects.toMatchObject({ code: '25006', mayBeDone: false });
  await Promise.all([write(), pool.query('select 1'), write()]);
});

test('close waits for running and queued queries, refuses others, and leaves no connection', async () => {
  const name = 'closing';
  const pool = createPool(`${server.postgres.url}?application_name=${name}`, { maxConnections: 1 });
  using scope = new Scope();
  const canceled = pool.query('select pg_sleep(3600)', [], scope);
  await server.runs('select pg_sleep(3600)');
  const waiting = pool.query('select 1 as one');
  const closed = pool.close();
  await expect(pool.query('select 1')).rejects.toThrow('the pool is closed');
  scope.abort(new ClientDisconnected());
  await expect(canceled).rejects.toThrow(ClientDisconnected);
  expect((await waiting).rows).toEqual([{ one: 1 }]);
  await closed;
  await pool.close();
  await server.leaves(name);
});
