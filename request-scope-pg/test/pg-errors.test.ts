import { expect, test } from 'vitest';
import { DatabaseUnavailable } from '../src/errors.ts';
import { toUnavailable } from '../src/pg-errors.ts';

test.each([
  ['CERT_HAS_EXPIRED', Object.assign(new Error('expired'), { code: 'CERT_HAS_EXPIRED' })],
  ['tls', new Error('The server does not support SSL connections')],
  [
    'authentication',
    new Error('SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string'),
  ],
  ['timeout', new Error('Query read timeout')],
])('a connection that cannot be opened is no bug: %s', (code, error) => {
  expect(toUnavailable(error, true)).toBeInstanceOf(DatabaseUnavailable);
  expect(toUnavailable(error, true)).toMatchObject({ code, cause: error });
});

test('a bug stays a bug', () => {
  const bug = new TypeError('Converting circular structure to JSON');
  expect(toUnavailable(bug, true)).toBe(bug);
});
