// pg-boss 12 on PostgreSQL: a job's timeout and the shutdown end its query, and pg-boss runs the job again.
import pg from 'pg';
import { PgBoss } from 'pg-boss';
import { withTimeout } from 'request-scope';

const database = process.env.DATABASE_URL;
const pool = new pg.Pool({ connectionString: database });
const boss = new PgBoss(database);
boss.on('error', console.error);
await boss.start();
await boss.createQueue('reports', { expireInSeconds: 60, heartbeatSeconds: 10, retryLimit: 1 });

await boss.work('reports', { heartbeatRefreshSeconds: 1 }, async ([job]) => {
  // Aborts when the job expires, when a heartbeat finds it canceled, and when boss.stop() has waited long enough.
  const parent = { signal: job.signal, remainingMs: job.expireInSeconds * 1_000 };
  // If this rejects, the job has failed: pg-boss puts it back until retryLimit is reached.
  return await withTimeout(parent, 5_000, ({ signal }) => buildReport(job.data, signal));
});

async function buildReport({ ms }, signal) {
  console.log('work begun');
  try {
    await query('SELECT pg_sleep($1)', [ms / 1_000], signal);
    console.log('work finished');
    return 'the report';
  } catch (error) {
    console.log(`work stopped: ${signal.reason?.message ?? error.message}`);
    throw error;
  }
}

/** Runs a statement that PostgreSQL cancels when `signal` aborts. request-scope-pg does this for a whole pool. */
async function query(text, values, signal) {
  const client = await pool.connect();
  let canceled;
  const cancel = () => {
    const statement = 'SELECT pg_cancel_backend($1)';
    canceled = boss.getDb().executeSql(statement, [client.processID]).catch(console.error);
  };
  signal.addEventListener('abort', cancel);
  try {
    signal.throwIfAborted();
    return await client.query(text, values);
  } finally {
    signal.removeEventListener('abort', cancel);
    await canceled; // A late cancel would stop the next query of this connection.
    client.release();
  }
}

process.on('SIGTERM', async () => {
  await boss.stop({ timeout: 2_000 });
  await pool.end();
});
if (process.argv[2]) console.log(await boss.send('reports', { ms: Number(process.argv[2]) }));
