import { expect, test } from 'vitest';
import { DatabaseUnavailable, unavailable } from '../src/errors.ts';

test.each([
  ['CERT_HAS_EXPIRED', Object.assign(new Error('expired'), { code: 'CERT_HAS_EXPIRED' })],
  ['tls', new Error('The server does not support SSL connections')],
  [
    'authentication',
    new Error('SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string'),
  ],
  ['timeout', new Error('Query read timeout')],
])('a connection that does not come about is no bug: %s', (code, error) => {
  expect(unavailable(error, true)).toBeInstanceOf(DatabaseUnavailable);
  expect(unavailable(error, true)).toMatchObject({ code, cause: error });
});

test('a bug stays one', () => {
  const bug = new TypeError('Converting circular structure to JSON');
  expect(unavailable(bug, true)).toBe(bug);
});
