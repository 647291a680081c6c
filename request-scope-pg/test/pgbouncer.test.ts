import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClientDisconnected, Scope } from 'request-scope';
import { beforeEach, expect, test } from 'vitest';
import { Feed } from '../../harness/feed.ts';
import { reservePorts } from '../../harness/network.ts';
import { postgresUser } from '../../harness/postgres.ts';
import { tether } from '../../harness/tether.ts';
import { eachLine } from '../../processes/each-line.ts';
import { openDatabase } from '../src/database.ts';
import { createPool } from '../src/index.ts';
import { cancelEach } from './cancel-each.ts';
import { useServer } from './server.ts';

const PGBOUNCER = '/usr/sbin/pgbouncer';

const server = useServer();
beforeEach(({ skip }) => skip(!existsSync(PGBOUNCER), 'PgBouncer is not installed'));

/** Starts a PgBouncer in front of the server. */
async function startPgBouncer(mode: 'session' | 'transaction') {
  const folder = await mkdtemp(join(tmpdir(), 'pgbouncer-'));
  const { uid, gid } = postgresUser;
  const { ports, release } = await reservePorts(1);
  await release();
  const file = join(folder, 'pgbouncer.ini');
  const far = new URL(server.postgres.url).port;
  const config = `[databases]
postgres = host=127.0.0.1 port=${far} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${ports[0]}
unix_socket_dir =
auth_type = any
pool_mode = ${mode}
`;
  await writeFile(file, config);
  if (uid !== undefined && gid !== undefined) {
    await chown(folder, uid, gid);
    await chown(file, uid, gid);
  }
  const bouncer = tether(
    spawn(PGBOUNCER, [file], { ...postgresUser, stdio: ['ignore', 'ignore', 'pipe'] }),
    'QUIT',
  );
  const lines = new Feed<string>();
  eachLine(bouncer.stderr, (line) => lines.push(line));
  await lines.next((line) => line.includes('process up'));
  return {
    url: `postgres://postgres@127.0.0.1:${ports[0]}/postgres`,
    async [Symbol.asyncDispose]() {
      const exited = once(bouncer, 'exit');
      bouncer.kill('SIGQUIT');
      await exited;
      await rm(folder, { recursive: true });
    },
  };
}

test('in session mode a cancel stops its statement, and no other', async () => {
  await using bouncer = await startPgBouncer('session');
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

test('transaction mode is refused with one line', async () => {
  await using bouncer = await startPgBouncer('transaction');
  const leaving = new AbortController();
  const log = new Feed<string>();
  const database = await openDatabase(bouncer.url, {
    tables: { schema: 'orders', prepare: async () => {} },
    maxConnections: 1,
    logger: { info: (line) => log.push(line), warn: (line) => log.push(line), error() {} },
    signal: leaving.signal,
  });
  const line = 'Database unavailable (transaction-pooling), it is tried again';
  expect(await log.next(() => true)).toBe(line);
  const refused = database.pool.query('select 1', [], undefined, { refusable: true });
  await expect(refused).rejects.toMatchObject({ code: 'transaction-pooling' });
  leaving.abort();
  await database.close();
});
