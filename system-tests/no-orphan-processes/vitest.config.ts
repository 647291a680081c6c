import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['system-tests/no-orphan-processes/leaves-all.ts'],
    disableConsoleIntercept: true,
  },
});
