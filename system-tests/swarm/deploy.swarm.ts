import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { output } from '../../harness/command.ts';
import { SERVICES } from '../../harness/swarm-stack.ts';
import { scene } from '../support/scene.ts';
import { lateRequests, needsSwarm, ORDERS, shares, stack, underLoad } from './stack-under-load.ts';

/** Twice MAX_CONNECTION_AGE_MS, after which clients have found a new replica. */
const SHARED_AFTER_MS = 10_000;

needsSwarm();

const docker = async (...args: string[]) => (await output(['docker', ...args])).split('\n');

scene(
  'deploy/up',
  'only order-service is published; the others are on internal networks',
  async () => {
    const format = '--format={{.Name}} {{.Ports}}';
    const services = await docker('service', 'ls', '--filter=name=orders-test_', format);
    const published = services.filter((line) => line.includes('->'));
    expect(published).toEqual(['orders-test_order-service *:8080->8080/tcp']);
    const networks = ['orders-test_calls', 'orders-test_database'];
    const flags = '--format={{.Internal}} {{.Attachable}}';
    expect(await docker('network', 'inspect', flags, ...networks)).toEqual([
      'true false',
      'true false',
    ]);
    for (const part of [...SERVICES, 'postgres'] as const) {
      const ids = await stack.containers(part);
      const env = await docker('inspect', '--format={{.Config.Env}}', ...ids);
      expect(env.join()).not.toMatch(/PASSWORD=/);
    }
    return `${published}, and no password in any environment`;
  },
);

scene('a rolling update of all three images', 'no patient order fails', async () => {
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

scene('an update that cannot start', 'it is rolled back, and no patient order fails', async () => {
  let refused: unknown;
  const { failed, seen } = await underLoad(async () => {
    refused = await stack.deploy('third', 'broken.yml').catch((error) => error);
    await stack.converged(3);
  });
  expect(String(refused)).toMatch(/order-service does not run third: rollback_\w+, \d\/3 replicas/);
  expect(failed).toEqual([]);
  const [id = ''] = await stack.containers('order-service');
  const [image] = await docker('inspect', '--format={{.Config.Image}}', id);
  expect(image).toBe('orders/order-service:second');
  return `${image} again; ${seen}`;
});

scene(
  '1 → 3 → 2 replicas of each',
  'no patient order fails; new replicas get their share within seconds, leaving ones nothing',
  async () => {
    const counts: string[] = [];
    await stack.scale(1);
    const { failed, seen } = await underLoad(async (load) => {
      await stack.scale(3);
      await sleep(SHARED_AFTER_MS);
      const from = Date.now();
      await sleep(SHARED_AFTER_MS);
      for (const [service, tasks] of shares(await stack.lines(from), from, Date.now() - 1_000)) {
        expect(tasks.size).toBe(3);
        counts.push(`${service} ${[...tasks.values()].join(' / ')}`);
      }
      expect(counts).toHaveLength(3);
      const lines = await stack.linesDuring(() => stack.scale(2));
      await load.processed(ORDERS);
      for (const { service, count, lastMs } of lateRequests(lines)) {
        counts.push(`${service} ${count} after SIGTERM, the last ${lastMs} ms after`);
      }
    });
    expect(failed).toEqual([]);
    return `${seen}; requests per replica: ${counts.join('; ')}`;
  },
);
