import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, onTestFinished } from 'vitest';
import { programVariables } from '../harness/environment.ts';
import { ROOT } from '../harness/repository.ts';
import { tether } from '../harness/tether.ts';
import { ANY_PORTS } from './support/any-ports.ts';
import { scene } from './support/scene.ts';

/** Their lines are more than a pipe holds. */
const ORDERS = 500;
const NO_WORK = { CHECK_DURATION_MS: '0', PAYMENT_DURATION_MS: '0' };

scene('npm start into a pager that reads no further, and Ctrl+C', 'it leaves', async () => {
  const start = tether(
    spawn(process.execPath, ['run.js', 'start/start.ts'], {
      cwd: ROOT,
      env: programVariables({ ...ANY_PORTS, ...NO_WORK }),
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
  );
  onTestFinished(() => void start.kill('SIGKILL'));
  const exited = once(start, 'exit');
  let log = '';
  for await (const text of start.stdout.iterator({ destroyOnReturn: false })) {
    log += text;
    if (log.includes('Try: curl')) break;
  }
  start.stdout.pause();
  const url = /Try: curl (\S+)/.exec(log)?.[1] ?? '';
  for (let placed = 0; placed < ORDERS; placed += 1) expect((await fetch(url)).status).toBe(200);
  const toldAt = performance.now();
  start.kill('SIGINT');
  expect(await exited).toEqual([0, null]);
  return `after ${Math.round(performance.now() - toldAt)} ms, with the lines of ${ORDERS} orders unread`;
});
