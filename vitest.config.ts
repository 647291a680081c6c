import { defineConfig } from 'vitest/config';
import { forgetShell } from './harness/environment.ts';
import { SceneTable } from './system-tests/support/scene-table.ts';

// Before any worker starts: what a shell exports decides no test.
forgetShell();
process.env.NODE_ENV = 'test';

/** Where to leave a count of the tests as well; `.ci/run` adds them up. */
const { TEST_REPORT } = process.env;

const json: ['json', { outputFile: string }][] = TEST_REPORT
  ? [['json', { outputFile: TEST_REPORT }]]
  : [];

const transpiled = 'system-tests/support/transpile-services.ts';

/** These start processes: services, or a PostgreSQL of their own. */
const STARTING_PROCESSES = [
  'system-tests/**/*.test.ts',
  'operations/test/*.test.ts',
  'postgres/test/*.test.ts',
  '**/postgres-*.test.ts',
  '**/line-writer.test.ts',
  '**/logger.test.ts',
];

/** Only what hangs takes as long: a busy machine must not decide a test. */
const patience = {
  testTimeout: 60_000,
  hookTimeout: 60_000,
  expect: { poll: { timeout: 50_000 } },
};

/** They share one engine, one page, or the whole machine. */
const oneByOne = { fileParallelism: false, expect: { poll: { timeout: 60_000 } } };

export default defineConfig({
  test: {
    // Most of them wait for processes and clocks: three at a time fit on two cores.
    maxWorkers: 3,
    reporters: ['default', ...json, new SceneTable()],
    teardownTimeout: 60_000,
    projects: [
      {
        test: {
          name: 'unit',
          include: ['**/*.test.ts'],
          exclude: ['**/node_modules/**', ...STARTING_PROCESSES],
          // The files of a worker share its modules: to load them anew for each cost more than the tests.
          isolate: false,
          ...patience,
        },
      },
      {
        test: {
          name: 'system',
          include: STARTING_PROCESSES,
          exclude: ['**/node_modules/**'],
          globalSetup: transpiled,
          isolate: false,
          ...patience,
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
          name: 'swarm',
          include: ['system-tests/swarm/*.swarm.ts'],
          globalSetup: 'system-tests/swarm/setup.ts',
          ...oneByOne,
          testTimeout: 600_000,
          hookTimeout: 600_000,
        },
      },
    ],
  },
});
