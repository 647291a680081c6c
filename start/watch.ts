import { watch } from 'node:fs';
import { join } from 'node:path';
import type { Launcher } from './launcher.ts';
import { ROOT, type Service } from './service.ts';

/** An editor writes a file in several steps. */
const SETTLE_MS = 100;

/** Restarts a service when its code has changed, or all when shared code has, until `signal` aborts. */
export function restartOnChange(launcher: Launcher, signal: AbortSignal): void {
  const { order, inventory, payment } = launcher;
  const changed = new Set<Service>();
  let busy = false;

  const restart = async () => {
    if (busy) return;
    busy = true;
    while (changed.size > 0 && !signal.aborted) {
      const services = [...changed];
      changed.clear();
      // One that does not start has said why; the next change is its next chance.
      await Promise.allSettled(services.map((service) => launcher.restart(service)));
    }
    busy = false;
  };

  const follow = (folder: string, services: Service[]) => {
    watch(join(ROOT, folder, 'src'), { recursive: true, signal }, () => {
      for (const service of services) changed.add(service);
      setTimeout(restart, SETTLE_MS).unref();
    });
  };
  follow('order-service', [order]);
  follow('inventory-service', [inventory]);
  follow('payment-service', [payment]);
  for (const shared of ['cancellation', 'chassis']) follow(shared, [order, inventory, payment]);
}
