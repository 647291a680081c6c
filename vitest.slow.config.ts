import { defineConfig } from 'vitest/config';
import { SceneTable } from './system-tests/support/scene-table.ts';
import { reporters } from './vitest.config.ts';

export default defineConfig({
  test: {
    include: ['system-tests/**/*.slow.ts'],
    globalSetup: 'system-tests/support/cheap-starts.ts',
    testTimeout: 120_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 60_000 } },
    // One after the other: each of them wants the machine for itself.
    fileParallelism: false,
    reporters: [...reporters, new SceneTable()],
  },
});
