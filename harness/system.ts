import { type Run, ServiceProcess } from './service-process.ts';

/** The three services, wired to each other. */
export interface System extends AsyncDisposable {
  order: ServiceProcess;
  inventory: ServiceProcess;
  payment: ServiceProcess;
}

/** So long that no call and no shutdown runs out of time on a slow machine, unless `env` says less. */
const LONG_TIMEOUTS = { CALL_TIMEOUT_MS: '60000', SHUTDOWN_TIMEOUT_MS: '60000' };

/** Starts the three services on free ports, with `env` set for all of them. */
export async function startSystem(
  env: Record<string, string> = {},
  run: Run = {},
): Promise<System> {
  const [inventory, payment] = await Promise.all([
    ServiceProcess.start('inventory-service', { ...LONG_TIMEOUTS, ...env }, run),
    ServiceProcess.start('payment-service', { ...LONG_TIMEOUTS, ...env }, run),
  ]);
  const urls = { INVENTORY_URL: inventory.url, PAYMENT_URL: payment.url };
  const order = await ServiceProcess.start(
    'order-service',
    { ...urls, ...LONG_TIMEOUTS, ...env },
    run,
  );
  return {
    order,
    inventory,
    payment,
    async [Symbol.asyncDispose]() {
      await Promise.all(
        [order, inventory, payment].map((service) => service[Symbol.asyncDispose]()),
      );
    },
  };
}
