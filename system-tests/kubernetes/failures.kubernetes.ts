import { expect } from 'vitest';
import { SERVICE_NAMES } from '../../services.ts';
import { scene } from '../support/scene.ts';
import { expectTouched, goOn, needsCluster, stack, underLoad } from './stack-under-load.ts';

/** How long callers may still reach for a replica that is gone. */
const TOUCHED_MS = 15_000;

/** How long the API server does not answer: longer than a node may be silent before it counts as not ready. */
const SILENT_SECONDS = 60;

/** Within this time after that, the node has said that it is ready, and its pods are endpoints again. */
const NOT_READY_MS = 30_000;

needsCluster();

for (const service of SERVICE_NAMES) {
  scene(
    `SIGKILL to a container of ${service}`,
    'only orders in progress there fail',
    async ({ skip }) => {
      skip(!(await stack.ownsContainers()), 'the containers do not run on this Docker Engine');
      let killedAt = 0;
      const { failed, seen } = await underLoad(async (load) => {
        killedAt = Date.now();
        await stack.kill(service);
        await goOn(load);
        await stack.converged(3);
      });
      expectTouched(failed, killedAt, killedAt + TOUCHED_MS);
      return seen;
    },
  );
}

scene(
  'order-service and payment-service are cut off from each other',
  'no order that fails is charged',
  async ({ skip }) => {
    skip(!(await stack.ownsContainers()), 'the containers do not run on this Docker Engine');
    let [cutAt, healedAt] = [0, 0];
    const { failed, seen } = await underLoad(async (load) => {
      cutAt = Date.now();
      const heal = await stack.cut('order-service', 8082);
      await load.failed();
      await heal();
      healedAt = Date.now();
    });
    expectTouched(failed, cutAt, healedAt + TOUCHED_MS);
    return `cut for ${Math.round((healedAt - cutAt) / 1_000)} s: ${seen}`;
  },
);

scene("PostgreSQL's pod is deleted", 'no order that fails is charged', async () => {
  let [deletedAt, returnedAt, recoveredAt] = [0, 0, 0];
  let restarts = 0;
  const { failed, seen } = await underLoad(async (load) => {
    deletedAt = Date.now();
    const before = await stack.restarts();
    await stack.restartPostgres();
    returnedAt = Date.now();
    await stack.converged(3);
    await goOn(load);
    restarts = (await stack.restarts()) - before;
    recoveredAt = Date.now();
  });
  expectTouched(failed, deletedAt, recoveredAt);
  expect(restarts).toBe(0);
  return `back after ${Math.round((returnedAt - deletedAt) / 1_000)} s: ${seen}`;
});

scene(
  'the API server does not answer for a minute',
  'no patient order fails meanwhile; afterwards only while its node does not count as ready',
  async ({ skip }) => {
    const apiServer = await stack.apiServer();
    if (apiServer === undefined) return skip('the API server does not run on this machine');
    let answersAt = 0;
    const { failed, seen } = await underLoad(async (load) => {
      await stack.silence(apiServer, SILENT_SECONDS);
      answersAt = Date.now();
      await goOn(load);
      await stack.converged(3);
    });
    expectTouched(failed, answersAt, answersAt + NOT_READY_MS);
    return seen;
  },
);
