import { SERVICES } from '../../harness/swarm-stack.ts';
import { scene } from '../support/scene.ts';
import { expectTouched, needsSwarm, ORDERS, stack, underLoad } from './stack-under-load.ts';

/** How long callers may still reach for a replica that is gone. */
const TOUCHED_MS = 15_000;

needsSwarm();

for (const service of SERVICES) {
  scene(`kill -9 of a container of ${service}`, 'only orders in progress there fail', async () => {
    await stack.scale(3);
    let killedAt = 0;
    const { failed, seen } = await underLoad(async (load) => {
      killedAt = Date.now();
      await stack.kill(service);
      await load.processed(ORDERS);
      await stack.converged(3);
    });
    expectTouched(failed, killedAt, killedAt + TOUCHED_MS);
    return seen;
  });
}

scene(
  'order-service and payment-service are cut off',
  'no order that fails is charged',
  async () => {
    let [cutAt, healedAt] = [0, 0];
    const { failed, seen } = await underLoad(async (load) => {
      cutAt = Date.now();
      const heal = await stack.cut('payment-service', 8082);
      await load.failed();
      await heal();
      healedAt = Date.now();
    });
    expectTouched(failed, cutAt, healedAt + TOUCHED_MS);
    return `cut for ${Math.round((healedAt - cutAt) / 1_000)} s: ${seen}`;
  },
);

scene(
  'PostgreSQL is stopped, and Swarm starts another',
  'no order that fails is charged',
  async () => {
    let [stoppedAt, recoveredAt] = [0, 0];
    const { failed, seen } = await underLoad(async (load) => {
      stoppedAt = Date.now();
      await stack.stopPostgres();
      await stack.converged(3);
      await load.processed(ORDERS);
      recoveredAt = Date.now();
    });
    expectTouched(failed, stoppedAt, recoveredAt);
    return seen;
  },
);
