import { defineConfig } from 'vitest/config';
import { forgetShell } from './harness/environment.ts';

// Before any worker starts: what a shell exports decides no test. All configurations import this one.
forgetShell();
process.env.NODE_ENV = 'test';

/** Where to leave a count of the tests as well; `.ci/run` adds them up. */
const { TEST_REPORT } = process.env;

const json: ['json', { outputFile: string }][] = TEST_REPORT
  ? [['json', { outputFile: TEST_REPORT }]]
  : [];
export const reporters = ['default', ...json];

export default defineConfig({
  test: {
    include: ['**/*.test.ts'],
    globalSetup: 'system-tests/support/cheap-starts.ts',
    // Only what hangs takes as long: a busy machine must not decide a test.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 50_000 } },
    // Most of them wait for processes and clocks: three at a time fit on two cores.
    maxWorkers: 3,
    // The files of a worker share its modules: to load them anew for each cost more than the tests.
    isolate: false,
    reporters,
  },
});
