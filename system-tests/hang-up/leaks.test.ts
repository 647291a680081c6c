import { expect, test } from 'vitest';
import { send } from '../../harness/clients.ts';
import type { ServiceProcess } from '../../harness/service-process.ts';
import { type System, startSystem } from '../../harness/system.ts';
import type { Holdings } from '../../processes/reporter.ts';

const MAX_GROWTH_BYTES = 2 * 1024 * 1024;

test('after 1,000 canceled orders the processes hold no more than before', async () => {
  await using system = await startSystem({ CHECK_DURATION_MS: '60000' });
  await cancelOrders(system, 200);
  const services = [system.order, system.inventory];
  const before = await Promise.all(services.map(quietly));
  await cancelOrders(system, 1_000);
  for (const [index, service] of services.entries()) {
    const { resources, heapBytes } = await quietly(service);
    expect(resources).toEqual(before[index]?.resources);
    expect(heapBytes - (before[index]?.heapBytes ?? 0)).toBeLessThan(MAX_GROWTH_BYTES);
  }
});

/** What the service holds once the connections of its former clients are closed. */
async function quietly(service: ServiceProcess): Promise<Holdings> {
  const resources = async () => (await service.holdings()).resources;
  await expect.poll(resources).not.toHaveProperty('TCPSocketWrap');
  return service.holdings();
}

async function cancelOrders({ order, inventory }: System, count: number): Promise<void> {
  for (let begun = 0; begun < count; begun += 100) {
    const orders = Array.from({ length: 100 }, () => send(`${order.url}/order`));
    await Promise.all(orders.map(({ requestId }) => inventory.arrival(requestId)));
    for (const { hangUp } of orders) hangUp();
    const cause = 'client-disconnected';
    await Promise.all(
      orders.flatMap(({ requestId }) => [
        order.waitFor({ requestId, cause }),
        inventory.waitFor({ requestId, cause }),
      ]),
    );
  }
}
