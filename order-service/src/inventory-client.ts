import { REQUEST_ID_HEADER } from '@orders/chassis';
import type { Order } from './order.ts';
import type { UntimedCall } from './step.ts';

/** The calls to the inventory service at `url`. */
export function inventoryClient(url: string) {
  const words = { work: 'Order', step: 'Inventory check', service: 'inventory-service' };
  return {
    /** It succeeds if the service has the order's product. */
    check({ productID, requestId }: Order): UntimedCall {
      const headers = { [REQUEST_ID_HEADER]: requestId };
      return { ...words, method: 'GET', url: `${url}/check`, params: { productID }, headers };
    },
  };
}
