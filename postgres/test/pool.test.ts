import { DeadlineExceeded, Scope } from 'request-scope';
import { expect, test } from 'vitest';
import { createPool, DatabaseUnavailable } from '../src/index.ts';
import { useServer } from './server.ts';

const LONG = 'select pg_sleep(3600)';

const server = useServer();

test('a connection that the server ends takes its query along, and no other', async () => {
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

test('a transaction that was left open does not reach the next query', async () => {
  await using pool = createPool(server.postgres.url, { maxConnections: 1 });
  await pool.query('begin');
  const { rows } = await pool.query(
    'select pg_current_xact_id_if_assigned() as id, now() = statement_timestamp() as alone',
  );
  expect(rows).toEqual([{ id: null, alone: true }]);
});

test("a query that fails has pg's error, and its connection is used again", async () => {
  await using pool = createPool(server.postgres.url, { maxConnections: 1 });
  const pid = async () => (await pool.query('select pg_backend_pid() as pid')).rows[0]?.pid;
  const before = await pid();
  await expect(pool.query('select 1/0')).rejects.toMatchObject({ code: '22012' });
  const circular: { self?: unknown } = {};
  circular.self = circular;
  await expect(pool.query('select $1::json', [circular])).rejects.toThrow('circular');
  expect(await pid()).toBe(before);
});

test('a server that is killed and comes back: its queries fail, then all is well', async () => {
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

test('a server that lets nobody in, or nobody write, is unavailable', async () => {
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

test('sessions that were opened while the database was read-only go with the first that says so', async () => {
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
