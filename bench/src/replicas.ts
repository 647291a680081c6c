import { setTimeout as sleep } from 'node:timers/promises';
import { send } from '../../harness/clients.ts';
import { type Postgres, postgresVersion, startPostgres } from '../../harness/postgres.ts';
import { until } from '../../harness/time.ts';
import { Crowd } from './crowd.ts';
import { type Growth, measureGrowth } from './growth.ts';
import { growthTable } from './growth-table.ts';
import { progress } from './progress.ts';
import { MACHINE, record } from './results-file.ts';
import { DURABLE, type Services, startServices } from './services.ts';

const REPLICAS = [1, 2, 3];
const IN_FLIGHT = [1_000, 4_000, 8_000];

/** What a process opens for its statements, and a few for other things. */
const CONNECTIONS = 10;

/** Three replicas of three services open more than the 100 that PostgreSQL allows by default. */
const MAX_CONNECTIONS = '200';

const WARM_UP_MS = 5_000;
const MEASURED_MS = 15_000;

const EXPLANATION = `on the same machine and disk, one server for all, \`fsync\` on,
\`max_connections\` ${MAX_CONNECTIONS}. So many replicas of each service, ${CONNECTIONS} connections each. So many callers have one order each in
flight all the time, spread over the order-services; each of these has an inventory-service and a payment-service
of its own, so that nothing stands between them. No pause in inventory and payment; every limit is the default.
A caller who is turned away comes again a second later. CPU is summed over the replicas, and spread over the
orders that succeeded. The callers run on the same cores; others are whatever is no part of this: a row where
they had much of the machine is too slow. Each row is ${MEASURED_MS / 1_000} s, once, one after the other.`;

const SUMMARY = `With 1,000 orders in flight the cores are full already with one process of each service: more replicas share the
same two cores, and each order costs more. Whoever finds 1,000 waiting for the database in a process is turned away.`;

/** Measures what an order costs with more replicas and with more orders in flight, and prints the table. */
export async function runReplicas(quick: boolean): Promise<void> {
  if (!postgresVersion) throw new Error('PostgreSQL is not installed');
  await using postgres = await startPostgres({ ...DURABLE, max_connections: MAX_CONNECTIONS });
  const rows: Growth[] = [];
  for (const replicas of REPLICAS) {
    rows.push(...(await withReplicas(replicas, postgres, quick ? 3_000 : MEASURED_MS)));
  }
  progress('');
  const text = `${MACHINE}, ${postgresVersion} ${EXPLANATION}\n\n${growthTable(rows)}\n\n${SUMMARY}`;
  process.stdout.write(`${text}\n`);
  if (!quick) record('npm run bench -- --replicas', text);
}

async function withReplicas(
  replicas: number,
  postgres: Postgres,
  durationMs: number,
): Promise<Growth[]> {
  const all: Services[] = [];
  try {
    for (let n = 0; n < replicas; n += 1) {
      progress(`starting ${replicas} of each service`);
      all.push(await startServices({ DATABASE_URL: postgres.url }));
    }
    for (const { url } of all.flatMap((services) => services.all)) {
      await until('its database', healthy(url));
    }
    return await grow(all, postgres, durationMs);
  } finally {
    for (const services of all) await services[Symbol.asyncDispose]();
  }
}

async function grow(all: Services[], postgres: Postgres, durationMs: number): Promise<Growth[]> {
  using crowd = new Crowd(all.map(({ order }) => order.url));
  const rows: Growth[] = [];
  for (const inFlight of IN_FLIGHT) {
    progress(`${all.length} of each service, ${inFlight} orders in flight`);
    await crowd.growTo(inFlight);
    await sleep(WARM_UP_MS);
    const row = await measureGrowth(all, crowd, postgres, durationMs);
    rows.push({
      replicas: all.length,
      inFlight,
      connections: 3 * CONNECTIONS * all.length,
      ...row,
    });
  }
  return rows;
}

const healthy = (url: string) => async () =>
  (await send(`${url}/health`).answer).status === 200 || undefined;
