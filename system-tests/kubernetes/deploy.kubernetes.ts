import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { SERVICE_NAMES } from '../../services.ts';
import { scene } from '../support/scene.ts';
import { goOn, lateRequests, needsCluster, shares, stack, underLoad } from './stack-under-load.ts';

/** Twice MAX_CONNECTION_AGE_MS, after which clients have found a new replica. */
const SHARED_AFTER_MS = 10_000;

needsCluster();

scene('a rolling update of all three', 'no patient order fails', async () => {
  let seconds = 0;
  const { failed, seen } = await underLoad(async () => {
    const from = Date.now();
    await stack.deploy('second');
    await stack.converged(3);
    seconds = Math.round((Date.now() - from) / 1_000);
  });
  expect(failed).toEqual([]);
  return `${seen}; took ${seconds} s`;
});

scene(
  'an update that cannot start, and rollout undo',
  'it says why, and no patient order fails',
  async () => {
    const { failed, seen } = await underLoad(async () => {
      const refused = await stack.deploy('third', 'broken').catch(String);
      expect(refused).toContain('deployment/order-service does not run third');
      expect(refused).toContain('CALL_TIMEOUT_MS is "soon"');
      await stack.undo('order-service');
      await stack.converged(3);
    });
    expect(failed).toEqual([]);
    expect(await stack.images('order-service')).toEqual(['orders/order-service:second']);
    return seen;
  },
);

scene(
  '3 → 1 → 3 replicas of each',
  'no patient order fails; new replicas get their share within seconds',
  async () => {
    let [leftAt, sharedFrom, sharedTo] = [0, 0, 0];
    const { failed, seen, lines } = await underLoad(async (load) => {
      leftAt = Date.now();
      await stack.scale(1);
      await goOn(load);
      await stack.scale(3);
      await sleep(SHARED_AFTER_MS);
      sharedFrom = Date.now();
      await sleep(SHARED_AFTER_MS);
      sharedTo = Date.now();
    });
    const counts: string[] = [];
    for (const [service, pods] of shares(lines, sharedFrom, sharedTo)) {
      expect(pods.size).toBe(3);
      counts.push(`${service} ${[...pods.values()].join(' / ')}`);
    }
    expect(counts).toHaveLength(SERVICE_NAMES.length);
    for (const { service, count, lastMs } of lateRequests(lines, leftAt)) {
      counts.push(`${service} ${count} after SIGTERM, the last ${lastMs} ms after`);
    }
    expect(failed).toEqual([]);
    return `${seen}; requests per replica in ${SHARED_AFTER_MS / 1_000} s: ${counts.join('; ')}`;
  },
);

scene(
  'kubectl drain',
  'the budget allows one pod of each at a time; no patient order fails',
  async () => {
    let drained = { refused: 0, evicted: 0 };
    const { failed, seen } = await underLoad(async () => {
      drained = await stack.drain();
      await stack.converged(3);
    });
    expect(drained.evicted).toBeGreaterThan(0);
    expect(drained.refused).toBeGreaterThan(0);
    expect(failed).toEqual([]);
    return `${drained.evicted} evicted, ${drained.refused} times refused; ${seen}`;
  },
);

scene('a pod of each is deleted', 'no patient order fails', async () => {
  const { failed, seen } = await underLoad(async () => {
    await stack.deletePods(...SERVICE_NAMES);
    await stack.converged(3);
  });
  expect(failed).toEqual([]);
  return seen;
});
