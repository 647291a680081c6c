import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { Scope } from 'request-scope';
import { expect, test } from 'vitest';
import { portOf } from '../../harness/network.ts';
import { useServer } from '../../harness/use-server.ts';
import type { Connection } from '../src/connection.ts';
import { createPool } from '../src/index.ts';
import { Sessions } from '../src/session.ts';

const server = useServer();

test('the settings of a role do not matter', async () => {
  const settings = {
    datestyle: "'German, DMY'",
    timezone: "'Africa/Monrovia'",
    default_transaction_isolation: 'serializable',
    standard_conforming_strings: 'off',
    synchronous_commit: 'off',
    statement_timeout: "'100ms'",
  };
  await server.ask('create role odd login');
  for (const [name, value] of Object.entries(settings)) {
    await server.ask(`alter role odd set ${name} = ${value}`);
  }
  await using pool = createPool(server.postgres.url.replace('postgres@', 'odd@'), {
    maxConnections: 1,
  });
  // In 1900 the offset of Monrovia had seconds.
  const text = "select '1900-01-02T03:04:05.678Z'::timestamptz as at";
  expect((await pool.query(text)).rows).toEqual([{ at: new Date('1900-01-02T03:04:05.678Z') }]);
  await pool.query('select pg_sleep(0.3)');
  {
    using scope = new Scope(60_000);
    await pool.query('select 1', [], scope);
  }
  await pool.query('select pg_sleep(0.3)');
  const shown = `
    select name, setting from pg_settings where name in
    ('default_transaction_isolation', 'standard_conforming_strings', 'synchronous_commit') order by 1`;
  expect((await pool.query(shown)).rows).toEqual([
    { name: 'default_transaction_isolation', setting: 'read committed' },
    { name: 'standard_conforming_strings', setting: 'on' },
    { name: 'synchronous_commit', setting: 'on' },
  ]);
});

test('a server that waits for its standby to apply a commit keeps doing so', async () => {
  await server.ask(
    "create role patient login; alter role patient set synchronous_commit = 'remote_apply'",
  );
  await using pool = createPool(server.postgres.url.replace('postgres@', 'patient@'), {
    maxConnections: 1,
  });
  expect((await pool.query('show synchronous_commit')).rows).toEqual([
    { synchronous_commit: 'remote_apply' },
  ]);
});

test('without a pooler no second connection is opened', async () => {
  let connections = 0;
  const { port } = new URL(server.postgres.url);
  const relay = createServer((near) => {
    connections += 1;
    const far = connect(Number(port), '127.0.0.1').on('error', () => {});
    near
      .on('error', () => {})
      .pipe(far)
      .pipe(near);
  });
  await once(relay.listen(0, '127.0.0.1'), 'listening');
  await using pool = createPool(`postgres://postgres@127.0.0.1:${portOf(relay)}/postgres`, {
    maxConnections: 1,
  });
  await pool.query('select 1');
  expect(connections).toBe(1);
  relay.close();
});

/** A connection behind a pooler in session mode. `isLost`: it ends after it was opened. */
function pooled(isLost = false) {
  let mark: string | undefined;
  const rowsWithin = async (_limitMs: number, text: string) => {
    const isSettings = text.includes('pg_backend_pid');
    if (isSettings) mark = /connection = '(.*?)'/.exec(text)?.[1];
    else if (isLost) throw new Error('lost');
    return [{ pid: 1, mark }];
  };
  const nothing = async () => {};
  const client = { processID: 2, rowsWithin, query: nothing, connect: nothing, end: nothing };
  return { ...client, destroy: () => {} } as unknown as Connection;
}

test('a connection that is lost while it is opened fails no other', async () => {
  const sessions = new Sessions(() => pooled());
  const [lost, ...others] = await Promise.allSettled(
    [pooled(true), pooled(), pooled()].map((connection) => sessions.setUp(connection, 1_000)),
  );
  expect(lost?.status).toBe('rejected');
  expect(others.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
});
