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
const ALL_STARTED = /^all started: (.+)/;
const NOTHING_LEFT = 'no process that it has started keeps running';

for (const [what, signal, args, pattern] of [
  ['a test run', 'SIGKILL', VITEST, ALL_STARTED],
  ['a test run', 'SIGINT', VITEST, ALL_STARTED],
  ['the demo', 'SIGKILL', DEMO, /promise kept/],
  ['the demo', 'SIGINT', DEMO, /promise kept/],
] as const) {
  scene(`${signal} to ${what}`, NOTHING_LEFT, () =>
    expectNoneLeft([...args], 3, { signal, pattern }),
  );
}

scene('a failing test run', NOTHING_LEFT, () =>
  expectNoneLeft(VITEST, 4, { env: { ENDING: 'a failing test' } }),
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
  /** Without one, the run ends by itself and fails. */
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

/** The processes that a process has started, and those that they have started. */
function descendantsOf(pid: number, all = processes()): number[] {
  const children = all.filter(({ parent }) => parent === pid);
  return children.flatMap((child) => [child.pid, ...descendantsOf(child.pid, all)]);
}
