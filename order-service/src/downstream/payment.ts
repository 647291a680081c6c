import {
  CALLER_KEY_HEADER,
  IDEMPOTENCY_KEY_HEADER,
  keyHeader,
  operation,
  REQUEST_ID_HEADER,
} from '@orders/chassis';
import type { Order } from '../order.ts';
import type { UntimedCall } from '../step.ts';

/** The calls to the payment service at `url`. */
export function paymentClient(url: string) {
  const urls = { pay: new URL(`${url}/pay`), void: new URL(`${url}/void`) };
  const post = (order: Order, what: 'pay' | 'void') => {
    const { orderID, requestId, paymentKey, callerKey } = order;
    return {
      service: 'payment-service',
      method: 'POST' as const,
      url: urls[what],
      params: { orderID },
      headers: {
        [REQUEST_ID_HEADER]: requestId,
        [IDEMPOTENCY_KEY_HEADER]: paymentKey,
        ...(callerKey !== undefined && { [CALLER_KEY_HEADER]: keyHeader(callerKey) }),
      },
      operation: operation(what, orderID),
    };
  };
  return {
    /** Succeeds if the order is charged. Never retried. */
    charge(order: Order): UntimedCall {
      return { ...post(order, 'pay'), step: 'Payment processing' };
    },

    /** Succeeds if the order's payment is void, whatever its state was. */
    void(order: Order): UntimedCall {
      return { ...post(order, 'void'), step: 'Payment void' };
    },
  };
}
