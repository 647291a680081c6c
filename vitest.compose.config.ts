import { defineConfig } from 'vitest/config';
import { SceneTable } from './system-tests/support/scene-table.ts';
import { reporters } from './vitest.config.ts';

export default defineConfig({
  test: {
    include: ['system-tests/compose/*.compose.ts'],
    globalSetup: 'system-tests/compose/setup.ts',
    reporters: [...reporters, new SceneTable()],
    // There is one engine, and docker-compose.yml publishes fixed ports.
    fileParallelism: false,
    testTimeout: 180_000,
    hookTimeout: 60_000,
    teardownTimeout: 60_000,
  },
});
