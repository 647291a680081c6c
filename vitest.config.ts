import { defineConfig } from 'vitest/config';
import { forgetShell } from './harness/environment.ts';
import { SceneTable } from './system-tests/support/scene-table.ts';

// Before any worker starts: tests must not see the shell's variables.
forgetShell();
process.env.NODE_ENV = 'test';

/** A file for a report in JSON; `.ci/run` counts its tests. */
const { TEST_REPORT } = process.env;

const json: ['json', { outputFile: string }][] = TEST_REPORT
  ? [['json', { outputFile: TEST_REPORT }]]
  : [];

const transpiled = 'system-tests/support/transpile-services.ts';

/** Tests that start processes: services or PostgreSQL. */
const STARTING_PROCESSES = [
  'system-tests/**/*.test.ts',
  'operations/test/*.test.ts',
  'postgres/test/*.test.ts',
  'request-scope-pg/test/*.test.ts',
  '**/postgres-*.test.ts',
  '**/line-writer.test.ts',
  '**/logger.test.ts',
];

/** Only a hang takes this long, even on a busy machine. */
const longTimeouts = {
  testTimeout: 60_000,
  hookTimeout: 60_000,
  expect: { poll: { timeout: 50_000 } },
};

/** Each of these tests needs the Docker Engine, or the whole machine, to itself. */
const oneByOne = { fileParallelism: false, expect: { poll: { timeout: 60_000 } } };

export default defineConfig({
  test: {
    // Tests mostly wait for processes and timers: four workers keep two cores busy.
    maxWorkers: 4,
    reporters: ['default', ...json, new SceneTable()],
    teardownTimeout: 60_000,
    projects: [
      {
        test: {
          name: 'unit',
          include: ['**/*.test.ts'],
          exclude: ['**/node_modules/**', ...STARTING_PROCESSES],
          // A worker loads each module once: loading them for each file would double the CPU time (15 s to 28 s).
          isolate: false,
          ...longTimeouts,
        },
      },
      {
        test: {
          name: 'system',
          include: STARTING_PROCESSES,
          exclude: ['**/node_modules/**'],
          globalSetup: transpiled,
          isolate: false,
          ...longTimeouts,
        },
      },
      {
        test: {
          name: 'slow',
          include: ['system-tests/**/*.slow.ts'],
          globalSetup: transpiled,
          ...oneByOne,
          testTimeout: 120_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'compose',
          include: ['system-tests/compose/*.compose.ts'],
          globalSetup: 'system-tests/compose/setup.ts',
          ...oneByOne,
          testTimeout: 180_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'kubernetes',
          include: ['system-tests/kubernetes/*.kubernetes.ts'],
          globalSetup: 'system-tests/kubernetes/setup.ts',
          ...oneByOne,
          testTimeout: 600_000,
          hookTimeout: 600_000,
        },
      },
    ],
  },
});
