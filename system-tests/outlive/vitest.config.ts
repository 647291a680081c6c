import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: { include: ['system-tests/outlive/leaves-all.ts'], disableConsoleIntercept: true },
});
