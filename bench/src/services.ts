import { OrderProcess } from './order-process.ts';

export const SERVICES = ['order-service', 'inventory-service', 'payment-service'] as const;

/** No pause in either service: what is left is what an order costs. */
const NO_WORK = { CHECK_DURATION_MS: '0', PAYMENT_DURATION_MS: '0' };

/** What PostgreSQL is set to as it would run: what is committed is on the disk. */
export const DURABLE = { fsync: 'on', synchronous_commit: 'on' };

/** One process of each service; the order service calls the other two. */
export type Services = Awaited<ReturnType<typeof startServices>>;

/** Starts one process of each service, with `env` set for all of them. */
export async function startServices(env: Record<string, string> = {}) {
  const started: OrderProcess[] = [];
  const end = async () => {
    for (const service of started) await service[Symbol.asyncDispose]();
  };
  const start = async (name: string, more: Record<string, string> = {}) => {
    const service = await OrderProcess.start(`${name}/src/server.ts`, '', { ...env, ...more });
    started.push(service);
    return service;
  };
  try {
    const inventory = await start('inventory-service', NO_WORK);
    const payment = await start('payment-service', NO_WORK);
    const urls = { INVENTORY_URL: inventory.url, PAYMENT_URL: payment.url };
    const order = await start('order-service', urls);
    return { order, inventory, payment, [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  }
}
