import { describe, expect, test } from 'vitest';
import { durationMs, httpUrl, readServiceConfig } from '../src/config.ts';

const read = (env: NodeJS.ProcessEnv) => ({
  ...readServiceConfig(env, 8080),
  timeoutMs: durationMs(env, 'TIMEOUT_MS', 5_000),
  url: httpUrl(env, 'URL', 'http://localhost:8081'),
});

test('an empty environment gives the defaults', () => {
  expect(read({})).toEqual({
    host: '127.0.0.1',
    allowedHosts: [],
    port: 8080,
    databaseUrl: undefined,
    databaseSchema: 'orders',
    databasePasswordFile: undefined,
    databaseConnections: 10,
    logLevel: 'info',
    logFormat: 'json',
    shutdownTimeoutMs: 8_000,
    drainDelayMs: 0,
    maxConnectionAgeMs: 0,
    timeoutMs: 5_000,
    url: 'http://localhost:8081',
  });
});

test.each([
  [{ HOST: '::' }, { host: '::' }],
  [{ HOST: 'my-host.example' }, { host: 'my-host.example' }],
  [{ HOST: '0.0.0.0' }, { allowedHosts: undefined }],
  [{ ALLOWED_HOSTS: 'shop.example' }, { allowedHosts: ['shop.example'] }],
  [{ PORT: '0' }, { port: 0 }],
  [{ PORT: '65535' }, { port: 65_535 }],
  [{ TIMEOUT_MS: '0' }, { timeoutMs: 0 }],
  [{ TIMEOUT_MS: '2147483647' }, { timeoutMs: 2_147_483_647 }],
  [{ LOG_LEVEL: 'silent' }, { logLevel: 'silent' }],
  [{ LOG_FORMAT: 'pretty' }, { logFormat: 'pretty' }],
  [{ DATABASE_URL: '' }, { databaseUrl: undefined }],
  [{ DATABASE_SCHEMA: '' }, { databaseSchema: 'orders' }],
  [{ DATABASE_SCHEMA: 'shop_2' }, { databaseSchema: 'shop_2' }],
  [{ DATABASE_URL: 'postgres://me@host/db' }, { databaseUrl: 'postgres://me@host/db' }],
  [{ URL: 'https://inventory.example/base/' }, { url: 'https://inventory.example/base' }],
])('%j is accepted', (env, expected) => {
  expect(read(env)).toMatchObject(expected);
});

describe('DATABASE_PASSWORD_FILE', () => {
  const DATABASE_URL = 'postgres://me@host/db';

  test('is passed on: it is read when a connection is opened', () => {
    expect(read({ DATABASE_URL, DATABASE_PASSWORD_FILE: '/dev/null' })).toMatchObject({
      databaseUrl: DATABASE_URL,
      databasePasswordFile: '/dev/null',
    });
  });

  test('stops the start if it cannot be read', () => {
    expect(() => read({ DATABASE_URL, DATABASE_PASSWORD_FILE: '/nowhere' })).toThrow(
      "DATABASE_PASSWORD_FILE cannot be read: ENOENT: no such file or directory, open '/nowhere'",
    );
  });

  test('is not read without DATABASE_URL', () => {
    expect(read({ DATABASE_PASSWORD_FILE: '/nowhere' }).databasePasswordFile).toBeUndefined();
  });
});

describe('the message for a bad value names the variable, the value and the rule', () => {
  test.each([
    [{ HOST: '' }, 'HOST is "", it must be an IP address or a host name'],
    [{ HOST: 'a b' }, 'HOST is "a b", it must be an IP address or a host name'],
    [
      { ALLOWED_HOSTS: 'a:80' },
      'ALLOWED_HOSTS is "a:80", it must be host names without a port, separated by commas, or *',
    ],
    [
      { DATABASE_SCHEMA: 'my-shop' },
      'DATABASE_SCHEMA is "my-shop", it must be 1 to 40 of a-z, 0-9 and _, not beginning with a digit or pg_',
    ],
    [
      { DATABASE_SCHEMA: 'pg_catalog' },
      'DATABASE_SCHEMA is "pg_catalog", it must be 1 to 40 of a-z, 0-9 and _, not beginning with a digit or pg_',
    ],
    [{ PORT: '65536' }, 'PORT is "65536", it must be an integer from 0 to 65535'],
    [{ PORT: '' }, 'PORT is "", it must be an integer from 0 to 65535'],
    [{ PORT: '80 ' }, 'PORT is "80 ", it must be an integer from 0 to 65535'],
    [{ TIMEOUT_MS: '-1' }, 'TIMEOUT_MS is "-1", it must be an integer from 0 to 2147483647'],
    [{ TIMEOUT_MS: '5s' }, 'TIMEOUT_MS is "5s", it must be an integer from 0 to 2147483647'],
    [{ TIMEOUT_MS: '1e3' }, 'TIMEOUT_MS is "1e3", it must be an integer from 0 to 2147483647'],
    [
      { TIMEOUT_MS: '2147483648' },
      'TIMEOUT_MS is "2147483648", it must be an integer from 0 to 2147483647',
    ],
    [
      { LOG_LEVEL: 'loud' },
      'LOG_LEVEL is "loud", it must be one of trace, debug, info, warn, error, fatal, silent',
    ],
    [{ LOG_FORMAT: 'xml' }, 'LOG_FORMAT is "xml", it must be one of json, pretty'],
    [
      { DATABASE_URL: 'mysql://me:secret@host' },
      'DATABASE_URL must be postgres://user:password@host:port/name',
    ],
    [
      { DATABASE_CONNECTIONS: '0' },
      'DATABASE_CONNECTIONS is "0", it must be an integer from 1 to 1000',
    ],
    [{ URL: 'localhost:8081' }, 'URL is "localhost:8081", it must be an absolute http(s) URL'],
    [{ URL: 'ftp://host' }, 'URL is "ftp://host", it must be an absolute http(s) URL'],
    [{ URL: 'http://' }, 'URL is "http://", it must be an absolute http(s) URL'],
    [{ URL: '/check' }, 'URL is "/check", it must be an absolute http(s) URL'],
  ])('%j', (env, message) => {
    expect(() => read(env)).toThrow(message);
  });
});
