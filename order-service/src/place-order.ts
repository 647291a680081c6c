import type { Scope } from '@orders/cancellation';
import type { Config } from './config.ts';
import { checkInventory } from './inventory-client.ts';
import type { Order } from './order.ts';
import { processPayment } from './payment-client.ts';
import type { Voids } from './voids.ts';

/** Resolves once the order's product is in stock and paid for, in that order. Throws CallEnded. */
export async function placeOrder(
  order: Order,
  config: Config,
  voids: Voids,
  scope: Scope,
): Promise<void> {
  await checkInventory(order, config, scope);
  await processPayment(order, config, voids, scope);
}
