import type { Scope } from '@orders/cancellation';
import type { Config } from './config.ts';
import { checkInventory } from './inventory-client.ts';
import { processPayment } from './payment-client.ts';

/** An order to place; `headers` travel with every call that it needs. */
export interface Order {
  productID: string;
  orderID: string;
  headers: Readonly<Record<string, string>>;
}

/** Resolves once the order's product is in stock and paid for, in that order. Throws CallEnded. */
export async function placeOrder(order: Order, config: Config, scope: Scope): Promise<void> {
  await checkInventory(order, config, scope);
  await processPayment(order, config, scope);
}
