import { operation, REQUEST_ID_HEADER } from '@orders/chassis';
import type { Order } from '../order.ts';
import type { NamedStep } from '../order-failed.ts';
import type { UntimedCall } from '../step.ts';

/** The first step of an order. */
export const CHECK: NamedStep = { step: 'Inventory check', service: 'inventory-service' };

/** The calls to the inventory service at `url`. */
export function inventoryClient(url: string) {
  const checkUrl = new URL(`${url}/check`);
  return {
    /** Succeeds if the order's product is available. */
    check({ productID, requestId }: Order): UntimedCall {
      const headers = { [REQUEST_ID_HEADER]: requestId };
      const request = { method: 'GET', url: checkUrl, params: { productID } } as const;
      return { ...CHECK, ...request, headers, operation: operation('check', productID) };
    },
  };
}
