import { config as loadEnvFile } from 'dotenv';
import { readServiceConfig, StartError } from '../chassis/src/config.ts';
import { createPool, DatabaseUnavailable, type Run } from '../postgres/src/index.ts';

const UNITS: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Does `work`; an error that is the operator's to mend is one line on stderr, and exit code 1. */
export async function runCommand(name: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    // pg's errors, Node's, and ours: whatever is a bug has no code.
    const isExpected = error instanceof StartError || (error instanceof Error && 'code' in error);
    if (!isExpected) throw error;
    const code = error instanceof DatabaseUnavailable ? ` (${error.code})` : '';
    process.stderr.write(`${name}: ${error.message}${code}\n`);
    process.exitCode = 1;
  }
}

/** A day: nobody waits for an answer but the person who has started the command. */
const MAX_QUERY_MS = 86_400_000;

/** Where the tables are. */
export interface Place {
  /** Undefined where none is named. */
  url: string | undefined;
  passwordFile: string | undefined;
  schema: string;
}

/** Where the tables are, as the services read it. Throws StartError. */
export function readDatabase(): Place {
  const { DOTENV_PATH } = process.env;
  const { error } = loadEnvFile({ quiet: true, ...(DOTENV_PATH && { path: DOTENV_PATH }) });
  if (DOTENV_PATH && error) throw new StartError(`DOTENV_PATH cannot be read: ${error.message}`);
  const config = readServiceConfig(process.env, 0);
  const { databaseUrl: url, databasePasswordFile: passwordFile, databaseSchema: schema } = config;
  return { url, passwordFile, schema };
}

/** Does `work` with what runs a statement there, over one connection. Throws StartError where no database is named. */
export async function withDatabase(
  { url, passwordFile }: Place,
  work: (run: Run) => Promise<void>,
): Promise<void> {
  if (!url) throw new StartError('DATABASE_URL is not set');
  const options = { passwordFile, applicationName: 'orders-operations' };
  await using pool = createPool(url, { ...options, maxConnections: 1, maxQueryMs: MAX_QUERY_MS });
  await work(async (text, values) => (await pool.query(text, values)).rows);
}

/** The milliseconds of `30d`, `12h`, `15m` or `90s`. Throws StartError, which names `option`. */
export function age(option: string, value: string): number {
  const [, count, unit = ''] = /^(\d{1,5})([smhd])$/.exec(value) ?? [];
  const unitMs = UNITS[unit];
  if (unitMs) return Number(count) * unitMs;
  throw new StartError(
    `${option} is ${JSON.stringify(value)}, it must be like 30d, 12h, 15m or 90s`,
  );
}
