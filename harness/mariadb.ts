import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eachLine } from '../processes/each-line.ts';
import { output } from './command.ts';
import { reservePorts } from './network.ts';
import { tether } from './tether.ts';

/** Debian installs the server in a folder that is not in every PATH. */
const env = { PATH: `${process.env.PATH}:/usr/sbin` };
/** As root it runs as the user that its package creates. */
const asUser = process.getuid?.() === 0 ? ['--user=mysql'] : [];

const { stdout: version } = spawnSync('mariadbd', ['--version'], { env, encoding: 'utf8' });

/** The version of MariaDB; undefined if it is not installed. */
export const mariadbVersion = /Ver (\S+)/.exec(version ?? '')?.[1];

/** Starts MariaDB on a free port of 127.0.0.1. `url` is for its user root. Disposing of it deletes its data. */
export async function startMariadb(): Promise<AsyncDisposable & { url: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'mariadb-'));
  if (asUser.length > 0) await output(['chown', 'mysql', folder]);
  const common = ['--no-defaults', ...asUser, `--datadir=${folder}`, '--innodb-log-file-size=4M'];
  const noPassword = '--auth-root-authentication-method=normal';
  await output(['mariadb-install-db', ...common, noPassword, '--skip-test-db']);
  const { ports, release } = await reservePorts(1);
  await release();
  const [port] = ports;
  const place = [`--socket=${folder}/socket`, `--pid-file=${folder}/pid`];
  const args = [...common, ...place, `--port=${port}`, '--bind-address=127.0.0.1'];
  const server = tether(spawn('mariadbd', args, { env, stdio: ['ignore', 'ignore', 'pipe'] }));
  const exited = once(server, 'exit');
  await new Promise<void>((resolve, reject) => {
    let log = '';
    server.once('close', () => reject(new Error(`MariaDB ended: ${log}`)));
    eachLine(server.stderr, (line) => {
      log += `${line}\n`;
      if (line.includes('ready for connections')) resolve();
    });
  });
  return {
    url: `mysql://root@127.0.0.1:${port}/mysql`,
    async [Symbol.asyncDispose]() {
      server.kill('SIGKILL');
      await exited;
      await rm(folder, { recursive: true });
    },
  };
}
