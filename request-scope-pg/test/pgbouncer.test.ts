import { Client } from 'pg';
import { ClientDisconnected, Scope } from 'request-scope';
import { beforeEach, expect, test } from 'vitest';
import { hasPgBouncer, startPgBouncer } from '../../harness/pgbouncer.ts';
import { useServer } from '../../harness/use-server.ts';
import { createPool, listen, type Pool } from '../src/index.ts';
import { cancelEach } from './cancel-each.ts';

const server = useServer();
beforeEach(({ skip }) => skip(!hasPgBouncer, 'PgBouncer is not installed'));

const answers = async (pool: Pool) =>
  expect((await pool.query('select 1 as one')).rowCount).toBe(1);

test('in session mode a cancel stops its statement, and no other', async () => {
  await using bouncer = await startPgBouncer(server.postgres.url, { pool_mode: 'session' });
  await using pool = createPool(bouncer.url, { maxConnections: 2 });
  const momentsMs = Array.from({ length: 100 }, (_, index) => 2 + index / 50);
  const { canceled, killed } = await cancelEach(pool, momentsMs);
  expect(killed).toEqual([]);
  expect(canceled).toBeGreaterThan(0);
  using scope = new Scope();
  const query = pool.query('select pg_sleep(3600)', [], scope);
  await server.runs('select pg_sleep(3600)');
  scope.abort(new ClientDisconnected());
  await expect(query).rejects.toThrow(ClientDisconnected);
  await server.stops('select pg_sleep(3600)');
});

test.each([
  ['sessions are reset', {}],
  ['sessions are not reset for the next client', { server_reset_query: '' }],
  ['sessions take turns', { server_round_robin: 1, server_reset_query: '' }],
])('session mode is never refused: %s', async (_how, settings) => {
  const config = { pool_mode: 'session', ...settings };
  await using bouncer = await startPgBouncer(server.postgres.url, config);
  for (let round = 0; round < 5; round += 1) {
    await using pool = createPool(bouncer.url, { maxConnections: 3 });
    await using other = createPool(bouncer.url, { maxConnections: 1 });
    await Promise.all([answers(pool), answers(pool), answers(other), answers(pool)]);
  }
});

test('in session mode a pool may use every session that the pooler has', async () => {
  const config = { pool_mode: 'session', default_pool_size: 2 };
  await using bouncer = await startPgBouncer(server.postgres.url, config);
  await using pool = createPool(bouncer.url, { maxConnections: 2, connectTimeoutMs: 2_000 });
  const meet = () => pool.query('select pg_advisory_xact_lock(1), pg_sleep(0.1)');
  await Promise.all([meet(), meet(), meet()]);
});

test.each([
  ['transaction', {}],
  ['transaction', { server_round_robin: 1, min_pool_size: 3 }],
  ['transaction', { default_pool_size: 1 }],
  ['transaction', { server_reset_query_always: 1 }],
  ['statement', {}],
])('%s mode is refused by the first query of a pool: %j', async (pool_mode, settings) => {
  const config = { pool_mode, ...settings };
  await using bouncer = await startPgBouncer(server.postgres.url, config);
  await using pool = createPool(bouncer.url, { maxConnections: 1 });
  const failure: unknown = await pool.query('select 1').catch((error: unknown) => error);
  expect(failure).toMatchObject({
    name: 'DatabaseUnavailable',
    code: 'transaction-pooling',
    mayBeDone: false,
    cause: { message: expect.stringMatching(/^the pooler .* pool_mode = session$/) },
  });
});

test('transaction mode is refused by listen, too', async () => {
  await using bouncer = await startPgBouncer(server.postgres.url, { pool_mode: 'transaction' });
  const leaving = new AbortController();
  const refused = new Promise((resolve) => {
    const options = { onError: resolve, pauseMs: 1 };
    listen(bouncer.url, 'channel', () => {}, leaving.signal, options).then(resolve);
  });
  expect(await refused).toMatchObject({ code: 'transaction-pooling' });
  leaving.abort();
});

test('transaction mode is refused while other clients keep its sessions busy', async () => {
  const config = { pool_mode: 'transaction', default_pool_size: 4 };
  await using bouncer = await startPgBouncer(server.postgres.url, config);
  const stop = new AbortController();
  const client = async () => {
    const other = new Client(bouncer.url);
    await other.connect();
    while (!stop.signal.aborted) await other.query('select pg_sleep(0.001)');
    await other.end();
  };
  const clients = Array.from({ length: 6 }, client);
  for (let round = 0; round < 10; round += 1) {
    await using pool = createPool(bouncer.url, { maxConnections: 1 });
    await expect(pool.query('select 1')).rejects.toMatchObject({ code: 'transaction-pooling' });
  }
  stop.abort();
  await Promise.all(clients);
});
