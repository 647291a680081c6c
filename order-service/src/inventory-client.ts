import { REQUEST_ID_HEADER } from '@orders/chassis';
import type { Scope } from '#request-scope';
import { call } from './http/call.ts';
import type { Order } from './order.ts';

export type InventoryClient = ReturnType<typeof inventoryClient>;

/** The inventory service at `url`; `timeoutMs` bounds each call. */
export function inventoryClient(url: string, timeoutMs: number) {
  const words = { work: 'Order', step: 'Inventory check', service: 'inventory-service' };
  return {
    /** Resolves if the service has the order's product. Throws CallFailed. */
    check({ productID, requestId }: Order, scope: Scope): Promise<void> {
      const headers = { [REQUEST_ID_HEADER]: requestId };
      const request = { method: 'GET', url: `${url}/check`, params: { productID } } as const;
      return call({ ...words, ...request, headers, timeoutMs }, scope);
    },
  };
}
