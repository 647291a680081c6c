import { ServiceProcess } from './service-process.ts';

/** The three services, wired to each other. */
export interface System extends AsyncDisposable {
  order: ServiceProcess;
  inventory: ServiceProcess;
  payment: ServiceProcess;
}

/** A machine may be slow: unless it is a test's matter, no call and no shutdown runs out of time. */
const PATIENCE = { CALL_TIMEOUT_MS: '60000', SHUTDOWN_TIMEOUT_MS: '60000' };

/** Starts the three services on free ports, with `env` set for all of them. */
export async function startSystem(env: Record<string, string> = {}): Promise<System> {
  const [inventory, payment] = await Promise.all([
    ServiceProcess.start('inventory-service', { ...PATIENCE, ...env }),
    ServiceProcess.start('payment-service', { ...PATIENCE, ...env }),
  ]);
  const order = await ServiceProcess.start('order-service', {
    INVENTORY_URL: inventory.url,
    PAYMENT_URL: payment.url,
    ...PATIENCE,
    ...env,
  });
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
