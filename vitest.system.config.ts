import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['system-tests/**/*.system.ts'],
    testTimeout: 90_000,
    // One after the other: each of them wants the machine for itself.
    fileParallelism: false,
    reporters: ['default', './system-tests/harness/table-reporter.ts'],
  },
});
