import { config as loadEnvFile } from 'dotenv';
import { createPool, DatabaseUnavailable } from 'request-scope-pg';
import { readServiceConfig, StartError } from '../chassis/src/config.ts';
import type { Run } from '../postgres/src/index.ts';

const UNITS: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Runs a command. An error that the operator can correct becomes one line on stderr and exit code 1. */
export async function runCommand(name: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    // The errors of pg, of Node and of the database package have a code; bugs have none.
    const isExpected = error instanceof StartError || (error instanceof Error && 'code' in error);
    if (!isExpected) throw error;
    const code = error instanceof DatabaseUnavailable ? ` (${error.code})` : '';
    process.stderr.write(`${name}: ${error.message}${code}\n`);
    process.exitCode = 1;
  }
}

/** A day, because only the operator waits for the answer. */
const MAX_QUERY_MS = 86_400_000;

/** The database that the environment names, and the schema of the tables in it. */
export interface DatabaseConfig {
  /** Undefined if DATABASE_URL is not set. */
  url: string | undefined;
  passwordFile: string | undefined;
  schema: string;
}

/**
 * Reads the same variables as the services.
 *
 * @throws {StartError} If one of them is wrong.
 */
export function readDatabaseConfig(): DatabaseConfig {
  const { DOTENV_PATH } = process.env;
  const { error } = loadEnvFile({ quiet: true, ...(DOTENV_PATH && { path: DOTENV_PATH }) });
  if (DOTENV_PATH && error) throw new StartError(`DOTENV_PATH cannot be read: ${error.message}`);
  const config = readServiceConfig(process.env, 0);
  const { databaseUrl: url, databasePasswordFile: passwordFile, databaseSchema: schema } = config;
  return { url, passwordFile, schema };
}

/**
 * Calls `work` with a function that runs a statement in the database; all statements use one connection.
 *
 * @throws {StartError} If DATABASE_URL is not set.
 */
export async function withDatabase(
  { url, passwordFile }: DatabaseConfig,
  work: (run: Run) => Promise<void>,
): Promise<void> {
  if (!url) throw new StartError('DATABASE_URL is not set');
  const options = { passwordFile, applicationName: 'orders-operations' };
  await using pool = createPool(url, { ...options, maxConnections: 1, maxQueryMs: MAX_QUERY_MS });
  await work(async (text, values) => (await pool.query(text, values)).rows);
}

/**
 * Milliseconds of an age such as `30d`, `12h`, `15m` or `90s`.
 *
 * @throws {StartError} If `value` is no such age; the message names `option`.
 */
export function parseAge(option: string, value: string): number {
  const [, count, unit = ''] = /^(\d{1,5})([smhd])$/.exec(value) ?? [];
  const unitMs = UNITS[unit];
  if (unitMs) return Number(count) * unitMs;
  throw new StartError(
    `${option} is ${JSON.stringify(value)}, it must be like 30d, 12h, 15m or 90s`,
  );
}
