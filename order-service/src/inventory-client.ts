import type { Scope } from '@orders/cancellation';
import type { Config } from './config.ts';
import { call } from './http/call.ts';
import type { Order } from './order.ts';

/** Resolves if the inventory service has the order's product. Throws CallEnded. */
export function checkInventory(order: Order, config: Config, scope: Scope): Promise<void> {
  const request = {
    step: 'Inventory check',
    service: 'inventory-service',
    method: 'GET',
    url: `${config.inventoryUrl}/check`,
    params: { productID: order.productID },
    headers: order.headers,
    timeoutMs: config.callTimeoutMs,
  } as const;
  return call(request, scope);
}
