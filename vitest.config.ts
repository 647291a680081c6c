import { defineConfig } from 'vitest/config';

/** Where to leave a count of the tests as well; `.ci/run` adds them up. */
const { TEST_REPORT } = process.env;

const json: ['json', { outputFile: string }][] = TEST_REPORT
  ? [['json', { outputFile: TEST_REPORT }]]
  : [];
export const reporters = ['default', ...json];

export default defineConfig({
  test: {
    include: ['**/*.test.ts'],
    testTimeout: 15_000,
    // Most of them wait for processes and clocks: two at a time fit on two cores.
    maxWorkers: 2,
    reporters,
  },
});
