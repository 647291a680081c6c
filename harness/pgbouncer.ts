import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eachLine } from '../processes/each-line.ts';
import { Feed } from './feed.ts';
import { reservePorts } from './network.ts';
import { postgresUser } from './postgres.ts';
import { tether } from './tether.ts';

const PGBOUNCER = '/usr/sbin/pgbouncer';

/** Whether PgBouncer is installed. */
export const hasPgBouncer = existsSync(PGBOUNCER);

/**
 * Starts a PgBouncer in front of the server at `url`, with `settings` as in pgbouncer.ini, on a free port of
 * 127.0.0.1.
 */
export async function startPgBouncer(url: string, settings: Record<string, string | number>) {
  const folder = await mkdtemp(join(tmpdir(), 'pgbouncer-'));
  const { uid, gid } = postgresUser;
  const { ports, release } = await reservePorts(1);
  await release();
  const file = join(folder, 'pgbouncer.ini');
  const all = {
    listen_addr: '127.0.0.1',
    listen_port: ports[0],
    unix_socket_dir: '',
    auth_type: 'any',
    ...settings,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name} = ${value}\n`);
  const { port } = new URL(url);
  const database = `postgres = host=127.0.0.1 port=${port} user=postgres`;
  await writeFile(file, `[databases]\n${database}\n[pgbouncer]\n${lines.join('')}`);
  if (uid !== undefined && gid !== undefined) {
    await chown(folder, uid, gid);
    await chown(file, uid, gid);
  }
  const bouncer = tether(
    spawn(PGBOUNCER, [file], { ...postgresUser, stdio: ['ignore', 'ignore', 'pipe'] }),
    'QUIT',
  );
  const log = new Feed<string>();
  eachLine(bouncer.stderr, (line) => log.push(line));
  await log.next((line) => line.includes('process up'));
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
