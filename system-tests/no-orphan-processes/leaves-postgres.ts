import { createPool } from 'request-scope-pg';
import { startPostgres } from '../../harness/postgres.ts';
import { until } from '../../harness/time.ts';

// In no suite: leaves a server that runs a query. no-orphan-processes.slow.ts runs it.
const COMPUTING = 'select count(*) from generate_series(1, 1e12)';

const { url } = await startPostgres({ client_connection_check_interval: '0' });
const pool = createPool(url, { maxConnections: 2 });
void pool.query(COMPUTING);
const { rows } = await until('its query', async () => {
  const active = "select pid from pg_stat_activity where state = 'active' and query = $1";
  const found = await pool.query(active, [COMPUTING]);
  return found.rows.length > 0 ? found : undefined;
});
process.stdout.write(`all started: ${rows[0]?.pid}\n`);
