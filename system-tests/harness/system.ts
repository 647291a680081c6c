import { ServiceProcess } from './service-process.ts';

/** The three services, wired to each other. */
export interface System extends AsyncDisposable {
  order: ServiceProcess;
  inventory: ServiceProcess;
  payment: ServiceProcess;
}

/** Starts the three services on free ports, with `env` set for all of them. */
export async function startSystem(env: Record<string, string> = {}): Promise<System> {
  const [inventory, payment] = await Promise.all([
    ServiceProcess.start('inventory-service', env),
    ServiceProcess.start('payment-service', env),
  ]);
  const order = await ServiceProcess.start('order-service', {
    INVENTORY_URL: inventory.url,
    PAYMENT_URL: payment.url,
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
