import { parseArgs } from 'node:util';
import { type Privilege, Tables } from '../postgres/src/index.ts';
import { parseAge, readDatabaseConfig, runCommand, withDatabase } from './command.ts';
import { ATTEMPTS, PAYMENTS } from './tables.ts';

const USAGE = `Compares the attempts of order-service with the payments of payment-service, and
prints each difference as a line of JSON. It only reads. The exit code is 0 if
nothing was found, and 2 if something was.

  npm run reconcile                        report what is pending or open once
                                           it is 15 minutes old
  npm run reconcile -- --older-than 1h     another age, in s, m, h or d

  charged-though-failed    the order has failed, but its payment is processed
                           and no void is in progress
  processed-not-charged    the order is processed, but its payment is not
  payment-pending          the payment has not ended, for instance because its
                           payment-service was killed
  attempt-open             the outcome is unknown, or the void has not been
                           acknowledged

Variables, set or in .env: DATABASE_URL, DATABASE_PASSWORD_FILE,
DATABASE_SCHEMA (orders).
`;

const OPTIONS = {
  'older-than': { type: 'string', default: '15m' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** The most findings of each kind. */
const MAX_FINDINGS = 1_000;

const NEEDED: readonly Privilege[] = ['select'];
const FOUND = 2;

await runCommand('reconcile', async () => {
  const { values } = parseArgs({ options: OPTIONS });
  if (values.help) return void process.stdout.write(USAGE);
  const database = readDatabaseConfig();
  const { schema } = database;
  const olderThanMs = parseAge('--older-than', values['older-than']);
  await withDatabase(database, async (run) => {
    const tables = [ATTEMPTS, PAYMENTS].map((table) => ({ ...table, privileges: NEEDED }));
    await new Tables(schema, tables).mustBeThere(run);
    let found = 0;
    for (const statement of findings(schema)) {
      const parameters = statement.includes('$2') ? [MAX_FINDINGS, olderThanMs] : [MAX_FINDINGS];
      const rows = await run(statement, parameters);
      for (const row of rows) process.stdout.write(`${JSON.stringify(row)}\n`);
      found += rows.length;
    }
    process.stderr.write(`${found} found\n`);
    if (found > 0) process.exitCode = FOUND;
  });
});

/** One statement for each kind, which sees both tables at one moment. */
function findings(schema: string): string[] {
  const attempts = `"${schema}".attempts`;
  const payments = `"${schema}".payments`;
  const ofAttempt = `a.payment_key as "paymentKey", a.caller_key as "callerKey", a.order_id as "orderID",
    a.request_id as "requestId", a.status, a.begun_at as "begunAt"`;
  const old = (column: string) => `${column} < now() - $2::float8 * interval '1 ms'`;
  return [
    `select 'charged-though-failed' as finding, ${ofAttempt}
    from ${attempts} a join ${payments} p using (payment_key)
    where p.status = 'processed' and a.status <> 'processed' and not a.is_open
    order by a.begun_at limit $1`,
    `select 'processed-not-charged' as finding, ${ofAttempt}, p.status as "paymentStatus"
    from ${attempts} a left join ${payments} p using (payment_key)
    where a.status = 'processed' and p.status is distinct from 'processed'
    order by a.begun_at limit $1`,
    `select 'payment-pending' as finding, payment_key as "paymentKey", order_id as "orderID", status,
      updated_at as "updatedAt"
    from ${payments} where status = 'pending' and ${old('updated_at')} order by updated_at limit $1`,
    `select 'attempt-open' as finding, ${ofAttempt}
    from ${attempts} a where a.is_open and ${old('a.begun_at')} order by a.begun_at limit $1`,
  ];
}
