import type { Scope } from '@orders/cancellation';
import type { Logger } from '@orders/chassis';
import type { Config } from './config.ts';
import { checkInventory } from './inventory-client.ts';
import { processPayment } from './payment-client.ts';
import type { Voids } from './voids.ts';

/** One attempt to place an order. */
export interface Order {
  productID: string;
  orderID: string;
  /** Names this attempt's one payment. */
  idempotencyKey: string;
  /** Travel with every call that the order needs. */
  headers: Readonly<Record<string, string>>;
  log: Logger;
}

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
