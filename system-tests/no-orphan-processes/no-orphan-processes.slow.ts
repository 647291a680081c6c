import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect } from 'vitest';
import { postgresVersion } from '../../harness/postgres.ts';
import { tether } from '../../harness/tether.ts';
import { LOADER, ROOT } from '../../processes/repository.ts';
import { scene } from '../support/scene.ts';

const VITEST = [
  'node_modules/vitest/vitest.mjs',
  'run',
  '--config',
  'system-tests/no-orphan-processes/vitest.config.ts',
];
const ALL_STARTED = /^all started: (.+)/;
const LEAVES_POSTGRES = [...LOADER, 'system-tests/no-orphan-processes/leaves-postgres.ts'];
const DEMO = [...LOADER, 'demo/demo.ts'];

/** Runs `args`; resolves with it and what it has started by the time that a line matches `pattern`. */
async function runUntil(pattern: RegExp, args: string[], env: NodeJS.ProcessEnv = {}) {
  const options = { cwd: ROOT, env: { ...process.env, ...env } };
  const runner = tether(spawn(process.execPath, args, options));
  const exited = once(runner, 'exit');
  const started: number[] = [];
  for await (const line of createInterface({ input: runner.stdout })) {
    const found = pattern.exec(line);
    if (!found) continue;
    started.push(...(found[1]?.split(' ').map(Number) ?? []), ...descendants(runner.pid ?? 0));
    break;
  }
  runner.stdout.resume();
  return { runner, exited, started };
}

const NOTHING_LEFT = 'nothing that it has started runs on';

for (const [what, signal, args, pattern] of [
  ['a test run', 'SIGKILL', VITEST, ALL_STARTED],
  ['a test run', 'SIGINT', VITEST, ALL_STARTED],
  ['the demo', 'SIGKILL', DEMO, /Placing order/],
  ['the demo', 'SIGINT', DEMO, /Placing order/],
] as const) {
  scene(`${signal} to ${what}`, NOTHING_LEFT, async () => {
    const { runner, exited, started } = await runUntil(pattern, [...args]);
    expect(started.length).toBeGreaterThanOrEqual(3);
    runner.kill(signal);
    await exited;
    await expect.poll(() => started.filter(runs)).toEqual([]);
    return `${started.length} processes, none is left`;
  });
}

scene('a test run that is red', NOTHING_LEFT, async () => {
  const { exited, started } = await runUntil(ALL_STARTED, VITEST, { ENDING: 'a red test' });
  expect(started.length).toBeGreaterThanOrEqual(4);
  expect(await exited).toEqual([1, null]);
  await expect.poll(() => started.filter(runs)).toEqual([]);
  return `${started.length} processes, none is left`;
});

scene('SIGKILL to who runs a PostgreSQL that computes', NOTHING_LEFT, async ({ skip }) => {
  skip(!postgresVersion, 'PostgreSQL is not installed');
  // Its data would stay.
  const TMPDIR = await mkdtemp(join(tmpdir(), 'outlive-'));
  await chmod(TMPDIR, 0o711);
  const { runner, exited, started } = await runUntil(ALL_STARTED, LEAVES_POSTGRES, { TMPDIR });
  expect(started.length).toBeGreaterThanOrEqual(6);
  runner.kill('SIGKILL');
  await exited;
  await expect.poll(() => started.filter(runs)).toEqual([]);
  await rm(TMPDIR, { recursive: true });
  return `${started.length} processes, none is left`;
});

/** All that a process has started, and what that has started in its turn. */
function descendants(pid: number): number[] {
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' });
  const pairs = stdout
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number));
  const children = (parent: number) => pairs.filter(([, ppid]) => ppid === parent);
  const below = (parent: number): number[] =>
    children(parent).flatMap(([child = 0]) => [child, ...below(child)]);
  return below(pid);
}

/** Whether a process runs: one that has ended may still wait for its parent to hear of it. */
function runs(pid: number): boolean {
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' });
  return /^[^Z\s]/.test(stdout);
}
