import { configDefaults, defineConfig, mergeConfig } from 'vitest/config';
import config from './vitest.config.ts';

const STARTING_PROCESSES = [
  'system-tests/**',
  'postgres/**',
  'operations/**',
  '**/postgres-*.test.ts',
  '**/line-writer.test.ts',
  '**/logger.test.ts',
];

export default mergeConfig(
  config,
  defineConfig({ test: { exclude: [...configDefaults.exclude, ...STARTING_PROCESSES] } }),
);
