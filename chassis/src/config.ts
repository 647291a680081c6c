import { readFileSync } from 'node:fs';
import { levels } from 'pino';
import { isHostList, readAllowedHosts } from './callers.ts';

type Environment = NodeJS.ProcessEnv;

/** The longest delay of a Node timer, in milliseconds; a longer one fires after 1 ms. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** The reason why a program cannot start. Its message is one line for the operator. */
export class StartError extends Error {}

/** The configuration that all services share: address, log, shutdown and database. */
export type ServiceConfig = ReturnType<typeof readServiceConfig>;

/**
 * Reads the variables that all services share.
 *
 * @throws {StartError} if one has a bad value.
 */
export function readServiceConfig(env: Environment, defaultPort: number) {
  return {
    host: host(env),
    allowedHosts: allowedHosts(env),
    port: integer(env, 'PORT', defaultPort, 65_535),
    logLevel: oneOf(env, 'LOG_LEVEL', 'info', [...Object.values(levels.labels), 'silent']),
    logFormat: oneOf(env, 'LOG_FORMAT', 'json', ['json', 'pretty']),
    shutdownTimeoutMs: durationMs(env, 'SHUTDOWN_TIMEOUT_MS', 8_000),
    drainDelayMs: durationMs(env, 'DRAIN_DELAY_MS', 0),
    maxConnectionAgeMs: durationMs(env, 'MAX_CONNECTION_AGE_MS', 0),
    databaseUrl: databaseUrl(env),
    databaseSchema: databaseSchema(env),
    databasePasswordFile: databasePasswordFile(env),
    databaseConnections: integer(env, 'DATABASE_CONNECTIONS', 10, 1_000, 1),
  };
}

/** Added to the longest time that an attempt and its void can take together. */
const RETENTION_MARGIN_MS = 600_000;

/**
 * How many milliseconds an attempt and its payment are remembered: as long as the attempt and its void can
 * take, plus ten minutes. order-service and payment-service must agree on it.
 */
export function retentionMs(callTimeoutMs: number, voidGiveUpMs: number): number {
  return callTimeoutMs + voidGiveUpMs + RETENTION_MARGIN_MS;
}

/**
 * Reads a duration in whole milliseconds, no longer than a timer can wait.
 *
 * @throws {StartError} if it has a bad value.
 */
export function durationMs(env: Environment, name: string, defaultMs: number): number {
  return integer(env, name, defaultMs, MAX_TIMER_MS);
}

/**
 * Reads an absolute http(s) URL without query or fragment, and removes its trailing slashes.
 *
 * @throws {StartError} if it has a bad value.
 */
export function httpUrl(env: Environment, name: string, defaultUrl: string): string {
  const value = env[name] ?? defaultUrl;
  const usable = /^https?:\/\/[^?#]+$/.test(value) && URL.canParse(value);
  return usable ? value.replace(/\/+$/, '') : refuse(name, value, 'an absolute http(s) URL');
}

/**
 * Reads a whole number from `min` to `max`.
 *
 * @throws {StartError} if it has a bad value.
 */
export function integer(
  env: Environment,
  name: string,
  fallback: number,
  max: number,
  min = 0,
): number {
  const value = env[name] ?? String(fallback);
  const usable = /^\d{1,10}$/.test(value) && Number(value) >= min && Number(value) <= max;
  return usable ? Number(value) : refuse(name, value, `an integer from ${min} to ${max}`);
}

/** Undefined if the state is kept in memory. */
function databaseUrl(env: Environment): string | undefined {
  const value = env.DATABASE_URL;
  if (!value) return undefined; // Compose passes an unset variable as an empty one.
  const usable = /^postgres(ql)?:\/\//.test(value) && URL.canParse(value);
  // The message leaves the value out: it may contain a password.
  if (!usable) throw new StartError('DATABASE_URL must be postgres://user:password@host:port/name');
  return value;
}

/** The schema of the tables: a name that needs no quotes and is not reserved by PostgreSQL. */
function databaseSchema(env: Environment): string {
  const value = env.DATABASE_SCHEMA || 'orders'; // Empty when unset, see above.
  const usable = /^(?!pg_|information_schema$)[a-z_][a-z0-9_]{0,39}$/.test(value);
  const expected = '1 to 40 of a-z, 0-9 and _, not beginning with a digit or pg_';
  return usable ? value : refuse('DATABASE_SCHEMA', value, expected);
}

/** The file with the password, such as a secret of Compose or Kubernetes. It is read again for each connection. */
function databasePasswordFile(env: Environment): string | undefined {
  const file = env.DATABASE_PASSWORD_FILE;
  if (!env.DATABASE_URL || !file) return undefined;
  try {
    readFileSync(file);
  } catch (error) {
    const { message } = error as Error;
    throw new StartError(`DATABASE_PASSWORD_FILE cannot be read: ${message}`);
  }
  return file;
}

function host(env: Environment): string {
  const value = env.HOST ?? '127.0.0.1';
  // For an empty host Node would listen on all interfaces.
  return /^[\w.:%-]+$/.test(value) ? value : refuse('HOST', value, 'an IP address or a host name');
}

function allowedHosts(env: Environment) {
  const { ALLOWED_HOSTS: value = '' } = env;
  if (isHostList(value)) return readAllowedHosts(env, host(env));
  return refuse('ALLOWED_HOSTS', value, 'host names without a port, separated by commas, or *');
}

function oneOf(env: Environment, name: string, fallback: string, allowed: string[]): string {
  const value = env[name] ?? fallback;
  return allowed.includes(value) ? value : refuse(name, value, `one of ${allowed.join(', ')}`);
}

function refuse(name: string, value: string, expected: string): never {
  throw new StartError(`${name} is ${JSON.stringify(value)}, it must be ${expected}`);
}
