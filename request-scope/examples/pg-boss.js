// pg-boss 12 on PostgreSQL: a job's timeout and the shutdown end its query, and pg-boss runs the job again.
import { PgBoss } from 'pg-boss';
import { withTimeout } from 'request-scope';
import { createPool } from 'request-scope-pg';

const database = process.env.DATABASE_URL;
const pool = createPool(database);
const boss = new PgBoss(database);
boss.on('error', console.error);
await boss.start();
await boss.createQueue('reports', { expireInSeconds: 60, heartbeatSeconds: 10, retryLimit: 1 });

await boss.work('reports', { heartbeatRefreshSeconds: 1 }, async ([job]) => {
  // Aborts when the job expires, when a heartbeat finds it canceled, and when boss.stop() has waited long enough.
  const parent = { signal: job.signal, remainingMs: job.expireInSeconds * 1_000 };
  // If this rejects, the job has failed: pg-boss puts it back until retryLimit is reached.
  return await withTimeout(parent, 5_000, (scope) => buildReport(job.data, scope));
});

async function buildReport({ ms }, scope) {
  console.log('work begun');
  try {
    await pool.query('select pg_sleep($1)', [ms / 1_000], scope);
    console.log('work finished');
    return 'the report';
  } catch (error) {
    console.log(`work stopped: ${error.cause?.message ?? error.message}`);
    throw error;
  }
}

process.on('SIGTERM', async () => {
  await boss.stop({ timeout: 2_000 });
  await pool.close();
});
if (process.argv[2]) console.log(await boss.send('reports', { ms: Number(process.argv[2]) }));
