import { expect, test } from 'vitest';
import { readConfig as readOrderConfig } from '../../order-service/src/config.ts';
import { readConfig } from '../src/config.ts';

test('the configuration has the documented defaults', () => {
  expect(readConfig({})).toMatchObject({ port: 8082, paymentDurationMs: 3_000 });
});

test('a payment is remembered as long as its attempt and its void may take, and ten minutes', () => {
  const env = { CALL_TIMEOUT_MS: '1', VOID_GIVE_UP_MS: '20' };
  expect(readConfig(env).retentionMs).toBe(600_021);
  expect(readConfig({}).retentionMs).toBe(665_000);
});

test.each([{}, { CALL_TIMEOUT_MS: '1', VOID_GIVE_UP_MS: '20' }])(
  'order-service remembers an attempt as long as this service its payment: %j',
  (env) => expect(readConfig(env).retentionMs).toBe(readOrderConfig(env).retentionMs),
);
