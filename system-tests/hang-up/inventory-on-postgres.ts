import { setTimeout as sleep } from 'node:timers/promises';
import { createPool } from 'request-scope-pg';
import { send } from '../../harness/clients.ts';
import { startPostgres } from '../../harness/postgres.ts';
import { ServiceProcess } from '../../harness/service-process.ts';
import { checkStatement } from '../../inventory-service/src/stock/postgres.ts';

const BUDGET = 'x-envoy-expected-rq-timeout-ms';

const LOCKED = `select 1 from pg_locks where relation = 'orders.products'::regclass
  and mode = 'AccessExclusiveLock' and granted`;

/** The median and the 95th percentile. */
export function summary(timesMs: number[]) {
  const sorted = timesMs.toSorted((one, other) => one - other);
  const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
  return { median: at(0.5), p95: at(0.95) };
}

/** A PostgreSQL, inventory-service on it, and a connection that sees the running checks. */
export async function startInventory(env: Record<string, string>) {
  // PostgreSQL does not look for lost clients: only the service can stop a query.
  const postgres = await startPostgres({ client_connection_check_interval: '0' });
  const eyes = createPool(postgres.url, { maxConnections: 1 });
  const service = await ServiceProcess.start('inventory-service', {
    DATABASE_URL: postgres.url,
    ...env,
  });
  await service.waitFor({ msg: 'Database available' });
  let isClosed = false;
  const text = "select 1 from pg_stat_activity where state = 'active' and query = $1";
  const atWork = async () => (await eyes.query(text, [checkStatement('orders')])).rows.length;
  return {
    postgres,
    service,
    check: (budgetMs = 3_600_000) =>
      send(`${service.url}/check?productID=1234`, { headers: { [BUDGET]: String(budgetMs) } }),
    /** Resolves once `checks` checks run, or the test ends: a short one may be missed. */
    async begun(checks = 1) {
      while (!isClosed && (await atWork()) < checks) await sleep(1);
    },
    /** Resolves once another session holds an exclusive lock on the products. */
    async locked() {
      while ((await eyes.query(LOCKED)).rows.length === 0) await sleep(1);
    },
    /** Resolves with the milliseconds from now until no check runs. */
    async stopsAfter() {
      const from = performance.now();
      while ((await atWork()) > 0) await sleep(1);
      return performance.now() - from;
    },
    async [Symbol.asyncDispose]() {
      isClosed = true;
      await service[Symbol.asyncDispose]();
      await eyes.close();
      await postgres[Symbol.asyncDispose]();
    },
  };
}
