import { createPool } from 'request-scope-pg';
import { KeyedLoad } from '../../harness/load.ts';
import { postgresVersion, startPostgres } from '../../harness/postgres.ts';
import { startReplicas } from '../../harness/replicas.ts';
import { judge } from '../support/judge.ts';
import { scene } from '../support/scene.ts';

const KILLS = 100;
const POSTGRES_KILLS = 10;
const LANES = 12;
const ORDERS_BETWEEN = 20;
const MISSING = 'PostgreSQL is not installed';
const ENV = { CHECK_DURATION_MS: '10', PAYMENT_DURATION_MS: '50', CALL_TIMEOUT_MS: '1500' };
const LONG = { timeout: 600_000 };

scene(
  `kill -9 of a replica of each service in turn, ${KILLS} times, under load, every other one without a FIN`,
  'every charged order was reported as processed, or its key says so',
  async ({ skip }) => {
    skip(!postgresVersion, MISSING);
    await using server = await startPostgres();
    await using pool = createPool(server.url, { maxConnections: 1 });
    await using system = await startReplicas(server.url, ENV);
    const { order, inventory, payment } = system;
    const load = new KeyedLoad(order.url, LANES);
    const victims = [order, payment, inventory];
    for (let kill = 0; kill < KILLS; kill += 1) {
      const victim = victims[kill % 3];
      if (!victim) continue;
      victim.balancer.isSilent = kill % 2 === 0;
      await load.processed(ORDERS_BETWEEN);
      await victim.kill();
      await victim.add();
    }
    await load.end();
    const seen = await judge(load, pool);
    const recovered = order.all.flatMap((replica) =>
      replica.lines.filter(({ msg }) => msg.startsWith('Recovering order')),
    );
    return `${seen}; ${recovered.length} recovered`;
  },
  LONG,
);

scene(
  `kill -9 of PostgreSQL under load, ${POSTGRES_KILLS} times`,
  'the same, and the services recover by themselves',
  async ({ skip }) => {
    skip(!postgresVersion, MISSING);
    await using server = await startPostgres({ fsync: 'on' });
    await using pool = createPool(server.url, { maxConnections: 1 });
    await using system = await startReplicas(server.url, ENV);
    const load = new KeyedLoad(system.order.url, LANES);
    for (let kill = 0; kill < POSTGRES_KILLS; kill += 1) {
      await load.processed(ORDERS_BETWEEN);
      await server.kill();
      await server.restart();
    }
    await load.processed(ORDERS_BETWEEN);
    await load.end();
    return await judge(load, pool);
  },
  LONG,
);
