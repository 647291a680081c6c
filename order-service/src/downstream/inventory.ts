import { operation, REQUEST_ID_HEADER } from '@orders/chassis';
import type { Order } from '../order.ts';
import type { UntimedCall } from '../step.ts';

/** The first step of an order, in the words of its failure. */
export const CHECK = { work: 'Order', step: 'Inventory check', service: 'inventory-service' };

/** The calls to the inventory service at `url`. */
export function inventoryClient(url: string) {
  return {
    /** It succeeds if the service has the order's product. */
    check({ productID, requestId }: Order): UntimedCall {
      const headers = { [REQUEST_ID_HEADER]: requestId };
      const request = { method: 'GET', url: `${url}/check`, params: { productID } } as const;
      return { ...CHECK, ...request, headers, operation: operation('check', productID) };
    },
  };
}
