import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eachLine } from '../processes/each-line.ts';
import { reservePorts } from './network.ts';
import { tether } from './tether.ts';

const { stdout: version } = spawnSync('redis-server', ['--version'], { encoding: 'utf8' });

/** The version of Redis; undefined if it is not installed. */
export const redisVersion = /v=(\S+)/.exec(version ?? '')?.[1];

/** Starts Redis, which keeps nothing on disk, on a free port of 127.0.0.1. Disposing of it ends it. */
export async function startRedis(): Promise<AsyncDisposable & { url: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'redis-'));
  const { ports, release } = await reservePorts(1);
  await release();
  const [port] = ports;
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder];
  const redis = tether(spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'ignore'] }));
  const exited = once(redis, 'exit');
  await new Promise<void>((resolve, reject) => {
    let log = '';
    redis.once('close', () => reject(new Error(`Redis ended: ${log}`)));
    eachLine(redis.stdout, (line) => {
      log += `${line}\n`;
      if (line.includes('Ready to accept connections')) resolve();
    });
  });
  return {
    url: `redis://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      redis.kill('SIGKILL');
      await exited;
      await rm(folder, { recursive: true });
    },
  };
}
