import { expect, test } from 'vitest';
import { readConfig } from '../src/config.ts';

test('the configuration has the documented defaults', () => {
  expect(readConfig({})).toMatchObject({ port: 8081, checkDurationMs: 2_000 });
});
