import { defineConfig } from 'vitest/config';
import { SceneTable } from './system-tests/support/scene-table.ts';
import { reporters } from './vitest.config.ts';

export default defineConfig({
  test: {
    include: ['system-tests/swarm/*.swarm.ts'],
    globalSetup: 'system-tests/swarm/setup.ts',
    reporters: [...reporters, new SceneTable()],
    // There is one stack.
    fileParallelism: false,
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
});
