import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { chown, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { eachLine } from '../processes/each-line.ts';
import { ROOT } from '../processes/repository.ts';
import { output } from './command.ts';
import { reservePorts } from './network.ts';
import { childrenOf } from './process-table.ts';
import { tether } from './tether.ts';
import { until } from './time.ts';

/** Debian keeps the binaries outside PATH, in one folder per version. */
const DEBIAN = '/usr/lib/postgresql';

const folders = [...(process.env.PATH ?? '').split(delimiter), ...debianFolders()];

/** The folder of PostgreSQL's binaries; undefined if it is not installed. */
const postgresFolder = folders.find((folder) =>
  ['initdb', 'postgres'].every((name) => existsSync(join(folder, name))),
);

/** PostgreSQL refuses to run as root; root runs it as the user that its package creates. */
export const postgresUser = process.getuid?.() === 0 ? { uid: idOf('-u'), gid: idOf('-g') } : {};

/** The version of PostgreSQL; undefined if it is not installed or cannot be run. */
export const postgresVersion =
  postgresFolder && !Number.isNaN(postgresUser.uid) ? versionIn(postgresFolder) : undefined;

/** A PostgreSQL server. Disposing of it deletes its data. */
export interface Postgres extends AsyncDisposable {
  /** The URL of the database `postgres`, for its superuser, without a password. */
  url: string;
  /** The main process; all others are its children. */
  readonly pid: number;
  /** Stops it as an operator does: connections are cut, no data is lost. */
  stop: () => Promise<void>;
  /** Kills all of its processes with SIGKILL. */
  kill: () => Promise<void>;
  /** Restarts it at the same address with the same data. */
  restart: () => Promise<void>;
}

const DEFAULTS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  // In the data folder: a SIGKILL would leave files in /dev/shm.
  dynamic_shared_memory_type: 'mmap',
  client_connection_check_interval: '100ms',
  fsync: 'off',
};
const SMALL = ['--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync', '--wal-segsize=1'];

/**
 * Starts PostgreSQL on a free port of 127.0.0.1, with `settings` as in postgresql.conf and fsync off. Calls `onLine`
 * with each line of its log.
 */
export async function startPostgres(
  settings: Record<string, string> = {},
  onLine: (line: string) => void = () => {},
): Promise<Postgres> {
  if (!postgresFolder || !postgresVersion) throw new Error('PostgreSQL is not installed');
  const file = join(postgresFolder, 'postgres');
  const folder = await mkdtemp(join(tmpdir(), 'postgres-'));
  await makeCluster(postgresFolder, folder);
  const { ports, release } = await reservePorts(1);
  await release();
  const [port] = ports;
  const options = Object.entries({ ...DEFAULTS, port, ...settings });
  const args = ['-D', folder, ...options.map(([name, value]) => `-c${name}=${value}`)];
  let server = await launch(file, args, onLine);
  const end = async (signal: NodeJS.Signals) => {
    const exited = server.exitCode ?? server.signalCode ?? once(server, 'exit');
    server.kill(signal);
    await exited;
  };
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    get pid() {
      return server.pid ?? 0;
    },
    stop: () => end('SIGINT'),
    async kill() {
      server.kill('SIGSTOP'); // So that it starts no new process meanwhile.
      const children = () => childrenOf(server.pid ?? 0);
      for (const child of await children()) process.kill(child, 'SIGKILL');
      // While one of them is attached to the shared memory, PostgreSQL refuses to start again.
      await until(
        'its children have ended',
        async () => (await children()).length === 0 || undefined,
      );
      await end('SIGKILL');
    },
    async restart() {
      await end('SIGINT');
      server = await launch(file, args, onLine);
    },
    async [Symbol.asyncDispose]() {
      await end('SIGQUIT');
      await freeSharedMemory(folder);
      await rm(folder, { recursive: true });
    },
  };
}

/**
 * Makes a new cluster in `folder`, with initdb or, in a tenth of the time, as a copy of one that initdb made
 * before.
 */
async function makeCluster(binaries: string, folder: string): Promise<void> {
  const { uid, gid } = postgresUser;
  const name = [postgresVersion, uid, ...SMALL].join('').replaceAll(/[^\w.]+/g, '-');
  const kept = join(ROOT, 'node_modules/.cache', name);
  if (existsSync(kept)) {
    await output(['cp', '-a', `${kept}/.`, folder]);
    return;
  }
  if (uid !== undefined && gid !== undefined) await chown(folder, uid, gid);
  await output([join(binaries, 'initdb'), '-D', folder, '-U', 'postgres', ...SMALL], postgresUser);
  // Other processes may copy at the same time, so the name is given only to a complete cluster.
  const copy = `${kept}-${process.pid}`;
  await mkdir(join(kept, '..'), { recursive: true });
  await output(['cp', '-a', folder, copy]);
  await rename(copy, kept).catch(() => rm(copy, { recursive: true }));
}

async function launch(
  file: string,
  args: string[],
  onLine: (line: string) => void,
): Promise<ChildProcess> {
  // A busy child would not notice a SIGKILL of the server; on SIGQUIT the server ends its children.
  const server = tether(
    spawn(file, args, { ...postgresUser, stdio: ['ignore', 'ignore', 'pipe'] }),
    'QUIT',
  );
  let isReady = false;
  let log = '';
  await new Promise<void>((resolve, reject) => {
    server.once('close', () => reject(new Error(`PostgreSQL ended: ${log}`)));
    eachLine(server.stderr, (line) => {
      onLine(line);
      if (!isReady) log += `${line}\n`;
      if (!line.endsWith('database system is ready to accept connections')) return;
      isReady = true;
      resolve();
    });
  });
  return server;
}

/** A SIGKILL leaves a System V shared memory segment until the next start. */
async function freeSharedMemory(folder: string): Promise<void> {
  const file = await readFile(join(folder, 'postmaster.pid'), 'utf8').catch(() => '');
  const segment = /^\s*\d+\s+(\d+)$/m.exec(file.split('\n')[6] ?? '')?.[1];
  if (segment) await output(['ipcrm', '-m', segment]);
}

function debianFolders(): string[] {
  if (!existsSync(DEBIAN)) return [];
  const versions = readdirSync(DEBIAN).sort((one, other) => Number(other) - Number(one));
  return versions.map((version) => join(DEBIAN, version, 'bin'));
}

function idOf(option: '-u' | '-g'): number {
  const { stdout } = spawnSync('id', [option, 'postgres'], { encoding: 'utf8' });
  return stdout ? Number(stdout) : Number.NaN;
}

function versionIn(folder: string): string | undefined {
  const { stdout } = spawnSync(join(folder, 'postgres'), ['--version'], { encoding: 'utf8' });
  return /PostgreSQL\) [\d.]+/.exec(stdout)?.[0].replace(')', '');
}
