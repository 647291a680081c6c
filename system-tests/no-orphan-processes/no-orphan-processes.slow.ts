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

const FOLDER = 'system-tests/no-orphan-processes';
const VITEST = ['node_modules/vitest/vitest.mjs', 'run', '--config', `${FOLDER}/vitest.config.ts`];
const LEAVES_POSTGRES = [...LOADER, `${FOLDER}/leaves-postgres.ts`];
const DEMO = [...LOADER, 'demo/demo.ts'];

/** Runs `args` until a line matches `pattern`. Resolves with the process and those that it has started. */
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

const NOTHING_LEFT = 'all its processes end';

for (const [what, signal, args, pattern] of [
  ['a test run', 'SIGKILL', VITEST, ALL_STARTED],
  ['a test run', 'SIGINT', VITEST, ALL_STARTED],
  ['the demo', 'SIGKILL', DEMO, /Placing order/],
  ['the demo', 'SIGINT', DEMO, /Placing order/],
] as const) {
  scene(`${signal} to ${what}`, NOTHING_LEFT, () =>
    expectNoneLeft([...args], 3, { signal, pattern }),
  );
}

scene('a test run that is red', NOTHING_LEFT, () =>
  expectNoneLeft(VITEST, 4, { env: { ENDING: 'a red test' } }),
);

scene('SIGKILL to a process that runs a busy PostgreSQL', NOTHING_LEFT, async ({ skip }) => {
  skip(!postgresVersion, 'PostgreSQL is not installed');
  // Its data would stay.
  const TMPDIR = await mkdtemp(join(tmpdir(), 'no-orphan-processes-'));
  await chmod(TMPDIR, 0o711);
  const seen = await expectNoneLeft(LEAVES_POSTGRES, 6, { signal: 'SIGKILL', env: { TMPDIR } });
  await rm(TMPDIR, { recursive: true });
  return seen;
});

interface Ending {
  /** Without one, the run ends by itself and is red. */
  signal?: NodeJS.Signals;
  pattern?: RegExp;
  env?: NodeJS.ProcessEnv;
}

/** Runs `args` until a line matches `pattern` and `atLeast` processes are started; all must end with it. */
async function expectNoneLeft(
  args: string[],
  atLeast: number,
  { signal, pattern = ALL_STARTED, env = {} }: Ending,
): Promise<string> {
  const options = { cwd: ROOT, env: { ...process.env, ...env } };
  const runner = tether(spawn(process.execPath, args, options));
  const exited = once(runner, 'exit');
  const started: number[] = [];
  for await (const line of createInterface({ input: runner.stdout })) {
    const found = pattern.exec(line);
    if (!found) continue;
    started.push(...(found[1]?.split(' ').map(Number) ?? []), ...descendantsOf(runner.pid ?? 0));
    break;
  }
  runner.stdout.resume();
  expect(started.length).toBeGreaterThanOrEqual(atLeast);
  if (signal) runner.kill(signal);
  const ending = await exited;
  if (!signal) expect(ending).toEqual([1, null]);
  const running = () =>
    processes().filter(({ pid, state }) => started.includes(pid) && state !== 'Z');
  await expect.poll(running).toEqual([]);
  return `${started.length} processes, none is left`;
}

/** All processes now. One in state Z has ended, and its parent has not noticed yet. */
function processes() {
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid=,stat='], { encoding: 'utf8' });
  const rows = stdout.trim().split('\n');
  return rows.map((row) => {
    const [pid = '', parent = '', state = ''] = row.trim().split(/\s+/);
    return { pid: Number(pid), parent: Number(parent), state: state.charAt(0) };
  });
}

scene('a test run that fails', NOTHING_LEFT, async () => {
  const { exited, started } = await runUntil(ALL_STARTED, VITEST, { ENDING: 'a failing test' });
  expect(started.length).toBeGreaterThanOrEqual(4);
  expect(await exited).toEqual([1, null]);
  await expect.poll(() => started.filter(runs)).toEqual([]);
  return `${started.length} processes, none is left`;
});

scene('SIGKILL to a process whose PostgreSQL runs a query', NOTHING_LEFT, async ({ skip }) => {
  skip(!postgresVersion, 'PostgreSQL is not installed');
  // SIGKILL leaves the data: the test removes it.
  const TMPDIR = await mkdtemp(join(tmpdir(), 'no-orphans-'));
  await chmod(TMPDIR, 0o711);
  const { runner, exited, started } = await runUntil(ALL_STARTED, LEAVES_POSTGRES, { TMPDIR });
  expect(started.length).toBeGreaterThanOrEqual(6);
  runner.kill('SIGKILL');
  await exited;
  await expect.poll(() => started.filter(runs)).toEqual([]);
  await rm(TMPDIR, { recursive: true });
  return `${started.length} processes, none is left`;
});

/** The descendants of a process. */
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

/** Whether a process runs. A zombie does not. */
function runs(pid: number): boolean {
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' });
  return /^[^Z\s]/.test(stdout);
}
