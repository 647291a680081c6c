import { config as loadEnvFile } from 'dotenv';
import { readEdgeConfig, StartError } from '../chassis/src/config.ts';
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

/** Where the tables are, as the services read it; `url` is undefined where none is named. Throws StartError. */
export function readDatabase(): { url: string | undefined; schema: string } {
  const { DOTENV_PATH } = process.env;
  const { error } = loadEnvFile({ quiet: true, ...(DOTENV_PATH && { path: DOTENV_PATH }) });
  if (DOTENV_PATH && error) throw new StartError(`DOTENV_PATH cannot be read: ${error.message}`);
  const { databaseUrl: url, databaseSchema: schema } = readEdgeConfig(process.env, 0);
  return { url, schema };
}

/** Does `work` with what runs a statement at `url`, over one connection and without a limit of time. */
export async function withDatabase(
  url: string | undefined,
  work: (run: Run) => Promise<void>,
): Promise<void> {
  if (!url) throw new StartError('DATABASE_URL is not set');
  await using pool = createPool(url, { maxConnections: 1 });
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
