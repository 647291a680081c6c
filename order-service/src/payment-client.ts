import { IDEMPOTENCY_KEY_HEADER, REQUEST_ID_HEADER } from '@orders/chassis';
import type { Scope } from '#request-scope';
import { call } from './http/call.ts';
import type { Order } from './order.ts';

export type PaymentClient = ReturnType<typeof paymentClient>;

/** The payment service at `url`; `timeoutMs` bounds each payment, `voidTimeoutMs` each void. */
export function paymentClient(url: string, timeoutMs: number, voidTimeoutMs: number) {
  const post = ({ orderID, requestId, idempotencyKey }: Order, path: string) => ({
    work: 'Order',
    service: 'payment-service',
    method: 'POST' as const,
    url: url + path,
    params: { orderID },
    headers: { [REQUEST_ID_HEADER]: requestId, [IDEMPOTENCY_KEY_HEADER]: idempotencyKey },
  });
  return {
    /** Resolves if the service has charged the order. Throws CallFailed. It is never tried again. */
    charge(order: Order, scope: Scope): Promise<void> {
      return call({ ...post(order, '/pay'), step: 'Payment processing', timeoutMs }, scope);
    },

    /** Resolves if the order's payment is void, whatever it was before. Throws CallFailed. */
    void(order: Order, scope: Scope): Promise<void> {
      const request = { ...post(order, '/void'), step: 'Payment void' };
      return call({ ...request, timeoutMs: voidTimeoutMs }, scope);
    },
  };
}
