import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { StartError } from '../chassis/src/config.ts';
import { readConfig } from '../payment-service/src/config.ts';
import { type Privilege, type Run, Tables } from '../postgres/src/index.ts';
import { parseAge, readDatabaseConfig, runCommand, withDatabase } from './command.ts';
import { ATTEMPTS, PAYMENTS } from './tables.ts';

const USAGE = `Deletes old attempts that are closed, and old payments that are not pending.
Their keys are forgotten with them. You can run it at any time, also under load,
and more than once. If you stop it, the rows deleted so far stay deleted.

  npm run retention -- --older-than 30d     an age in s, m, h or d

Variables, set or in .env: DATABASE_URL, DATABASE_PASSWORD_FILE,
DATABASE_SCHEMA (orders); CALL_TIMEOUT_MS and VOID_GIVE_UP_MS, which determine
how long a payment must be remembered.
`;

const OPTIONS = {
  'older-than': { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** Small enough that nobody waits long for a row locked by a batch. The pause leaves the disk to others. */
const BATCH = 1_000;
const PAUSE_MS = 50;

/** A payment is younger than its attempt. With this margin both are deleted in the same run. */
const EARLIER_MS = 3_600_000;

const NEEDED: readonly Privilege[] = ['select', 'update', 'delete'];

await runCommand('retention', async () => {
  const { values } = parseArgs({ options: OPTIONS });
  if (values.help) return void process.stdout.write(USAGE);
  const database = readDatabaseConfig();
  const { schema } = database;
  const olderThan = values['older-than'];
  if (olderThan === undefined) throw new StartError('--older-than is missing, 30d for instance');
  const olderThanMs = parseAge('--older-than', olderThan);
  const { retentionMs } = readConfig(process.env);
  if (olderThanMs < retentionMs) {
    const seconds = Math.ceil(retentionMs / 1_000);
    throw new StartError(
      `--older-than is ${olderThan}, payments must be remembered for ${seconds}s`,
    );
  }
  await withDatabase(database, async (run) => {
    const tables = [ATTEMPTS, PAYMENTS].map((table) => ({ ...table, privileges: NEEDED }));
    await new Tables(schema, tables).mustBeThere(run);
    const attempts = await deleteAll(run, deleteAttempts(schema), olderThanMs + EARLIER_MS);
    const payments = await deleteAll(run, deletePayments(schema), olderThanMs);
    process.stdout.write(`Deleted ${attempts} attempts and ${payments} payments.\n`);
  });
});

async function deleteAll(run: Run, statement: string, olderThanMs: number): Promise<number> {
  for (let deleted = 0; ; await sleep(PAUSE_MS)) {
    const count = (await run(statement, [olderThanMs, BATCH])).length;
    deleted += count;
    if (count < BATCH) return deleted;
  }
}

function deleteAttempts(schema: string): string {
  const attempts = `"${schema}".attempts`;
  return `
  delete from ${attempts} where payment_key in (
    select payment_key from ${attempts}
    where not is_open and begun_at < now() - $1::float8 * interval '1 ms'
    order by begun_at limit $2 for update skip locked)
  returning payment_key`;
}

/**
 * Keeps a payment whose attempt is still there: it is the record of the attempt's outcome, or may yet be
 * voided.
 */
function deletePayments(schema: string): string {
  const payments = `"${schema}".payments`;
  return `
  delete from ${payments} where payment_key in (
    select payment_key from ${payments} p
    where status <> 'pending' and updated_at < now() - $1::float8 * interval '1 ms'
      and not exists (select from "${schema}".attempts a where a.payment_key = p.payment_key)
    order by updated_at limit $2 for update of p skip locked)
  returning payment_key`;
}
