import { Client } from 'pg';
import { ClientDisconnected, Scope } from 'request-scope';
import { expect, test } from 'vitest';
import { startRelay } from '../../harness/network.ts';
import { until } from '../../harness/time.ts';
import { useServer } from '../../harness/use-server.ts';
import { createPool, DatabaseUnavailable } from '../src/index.ts';

const LONG = 'select pg_sleep(3600)';
const uncancelable = { uncancelable: true };

const server = useServer();

test('an uncancelable query waits for a connection only until its scope aborts', async () => {
  await using pool = createPool(server.postgres.url, { maxConnections: 1 });
  using blocker = new Scope();
  using scope = new Scope();
  const blocking = pool.query(LONG, [], blocker);
  await server.runs(LONG);
  const waiting = pool.query('create table unwanted ()', [], scope, uncancelable);
  const reason = new ClientDisconnected();
  scope.abort(reason);
  await expect(waiting).rejects.toBe(reason);
  blocker.abort(new ClientDisconnected());
  await expect(blocking).rejects.toThrow(ClientDisconnected);
  await pool.close();
  expect((await server.ask("select to_regclass('unwanted') as name")).rows).toEqual([
    { name: null },
  ]);
});

test('an uncancelable statement that has been sent is done, even if its scope aborts', async () => {
  await using pool = createPool(server.postgres.url, { maxConnections: 1 });
  using scope = new Scope();
  await server.ask('select pg_advisory_lock(1)');
  const write = 'create table wanted as select 1 as one from pg_advisory_lock(1)';
  const written = pool.query(write, [], scope, uncancelable);
  await server.runs(write);
  scope.abort(new ClientDisconnected());
  await server.ask('select pg_advisory_unlock(1)');
  await written;
  expect((await server.ask('select 1 from wanted')).rows).toHaveLength(1);
});

test('a connection that is silent for connectTimeoutMs is given up', async () => {
  await using relay = await startRelay();
  relay.port = Number(new URL(server.postgres.url).port);
  const url = `postgres://postgres@${new URL(relay.url).host}/postgres`;
  await using pool = createPool(url, { maxConnections: 1, connectTimeoutMs: 500 });
  await pool.query('select 1');
  relay.cut();
  using scope = new Scope();
  const silent = pool.query('select 2', [], scope, uncancelable).catch((error: unknown) => error);
  expect(await silent).toBeInstanceOf(DatabaseUnavailable);
  expect(await silent).toMatchObject({ code: 'timeout' });
  relay.heal();
  // A busy machine may take longer to open a connection than this pool allows.
  const next = () => pool.query('select 3 as three').catch(() => undefined);
  expect((await until('another connection', next)).rows).toEqual([{ three: 3 }]);
});

test('a write that waits for a lock is ended by the server, and known not to be done', async () => {
  await using pool = createPool(server.postgres.url, { maxConnections: 1, connectTimeoutMs: 500 });
  await server.ask('create table locked (name text)');
  const holder = new Client(server.postgres.url);
  await holder.connect();
  await holder.query('begin; lock table locked');
  const pid = async () => (await pool.query('select pg_backend_pid() as pid')).rows[0]?.pid;
  const before = await pid();
  const write = pool.query("insert into locked values ('late')", [], undefined, uncancelable);
  await expect(write).rejects.toMatchObject({
    name: 'DatabaseUnavailable',
    code: '57014',
    mayBeDone: false,
  });
  expect(await pid()).toBe(before);
  await holder.end();
  expect((await server.ask('select from locked')).rows).toEqual([]);
});

test('a write that waits for a standby is ended, and may be done', async () => {
  await server.ask('create table replicated (name text)');
  await server.ask("alter system set synchronous_standby_names = 'gone'");
  await server.ask('select pg_reload_conf()');
  const insert = "insert into replicated values ('alone')";
  const url = `${server.postgres.url}?application_name=writer`;
  await using pool = createPool(url, { maxConnections: 1, connectTimeoutMs: 500 });
  const write = () =>
    pool.query(insert, [], undefined, uncancelable).catch((error: unknown) => error);
  // The server may not have read the setting yet.
  await expect.poll(write).toMatchObject({ name: 'DatabaseUnavailable', code: 'timeout' });
  expect(await write()).toMatchObject({ mayBeDone: true });
  await server.stops(insert);
  const text = "select from pg_stat_activity where application_name = 'writer'";
  await expect.poll(async () => (await server.ask(text)).rows.length).toBeLessThanOrEqual(1);
  await server.ask('alter system reset synchronous_standby_names');
  await server.ask('select pg_reload_conf()');
});

test('a query without a deadline is canceled after maxQueryMs', async () => {
  await using pool = createPool(server.postgres.url, { maxConnections: 1, maxQueryMs: 200 });
  await expect(pool.query(LONG)).rejects.toMatchObject({ code: 'timeout' });
  await server.stops(LONG);
});
