import { createPool } from 'request-scope-pg';
import { expect } from 'vitest';
import { send } from '../../harness/clients.ts';
import { startOtlpReceiver } from '../../harness/otlp-receiver.ts';
import { postgresVersion, startPostgres } from '../../harness/postgres.ts';
import { startSystem } from '../../harness/system.ts';
import { until } from '../../harness/time.ts';
import { runWithTelemetry } from '../support/node-versions.ts';
import { scene } from '../support/scene.ts';
import { METRICS, scrape, sum } from './metrics.ts';
import { tree } from './trace.ts';
import { otlp, place } from './traced-order.ts';

const AT_WORK = `
  select 1 from pg_stat_activity
  where state = 'active' and query like '%pg_sleep($2)%' and pid <> pg_backend_pid()`;

scene(
  'a client hangs up while inventory-service queries its database',
  'the statement and its cancel are spans of the order, and neither is an error',
  async ({ skip }) => {
    skip(!postgresVersion, 'PostgreSQL is not installed');
    const run = await runWithTelemetry(process.versions.node.split('.')[0] ?? '');
    await using receiver = await startOtlpReceiver();
    await using server = await startPostgres();
    await using pool = createPool(server.url, { maxConnections: 1 });
    const env = { ...otlp(receiver), DATABASE_URL: server.url, CHECK_DURATION_MS: '30000' };
    await using system = await startSystem(env, run);
    for (const service of [system.order, system.inventory]) {
      await service.waitFor({ msg: 'Database available' });
    }
    const spans = await place(system, receiver, 7, {}, async (pending) => {
      await until('the statement at work', async () => (await pool.query(AT_WORK)).rows[0]);
      pending.hangUp();
    });
    expect(tree(spans)).toEqual([
      'order-service server GET /order unset client-disconnected',
      '  order-service client INSERT unset',
      '  order-service client GET unset client-disconnected',
      '    inventory-service server GET /check unset client-disconnected',
      '      inventory-service client SELECT unset client-disconnected',
      '        inventory-service client CANCEL unset',
      '  order-service client DELETE unset',
    ]);
    return tree(spans)
      .map((line) => line.trim())
      .join('; ');
  },
);

scene(
  'an order with metrics alone, after each service has checked its database',
  'its statements are counted, and those of the checks are not',
  async ({ skip }) => {
    skip(!postgresVersion, 'PostgreSQL is not installed');
    const run = await runWithTelemetry(process.versions.node.split('.')[0] ?? '');
    await using server = await startPostgres();
    const durations = { CHECK_DURATION_MS: '0', PAYMENT_DURATION_MS: '0' };
    const env = { ...METRICS, ...durations, DATABASE_URL: server.url };
    await using system = await startSystem(env, run);
    for (const service of system.all) await service.waitFor({ msg: 'Database available' });
    expect((await send(`${system.order.url}/order`).answer).status).toBe(200);
    const scrapes = await Promise.all(system.all.map(scrape));
    const counts = scrapes.map((all) => sum(all, 'db_client_operation_duration_seconds_count'));
    expect(counts).toEqual([2, 1, 2]);
    return `${counts.join(' + ')} statements`;
  },
);
