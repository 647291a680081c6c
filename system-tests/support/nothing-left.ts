import { expect } from 'vitest';
import type { ServiceProcess } from '../../harness/service-process.ts';
import type { System } from '../../harness/system.ts';

/** Resolves once order-service holds no connection and no service works. Fails if a service logged a warning. */
export async function expectNothingLeft(system: System): Promise<void> {
  const { order } = system;
  const holds = async (service: ServiceProcess, kind: string) =>
    (await service.holdings()).resources[kind] ?? 0;
  await expect.poll(() => holds(order, 'TCPSocketWrap')).toBe(0);
  for (const service of system.all) {
    await expect.poll(() => holds(service, 'Timeout')).toBe(0);
    expect(service.lines.filter(({ level }) => level > 30)).toEqual([]);
    expect(service.stderr).toBe('');
  }
}
