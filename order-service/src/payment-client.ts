import type { Scope } from '@orders/cancellation';
import type { Config } from './config.ts';
import { call } from './downstream.ts';
import type { Order } from './place-order.ts';

/** Resolves if the payment service has charged the order. Throws CallEnded. */
export function processPayment(order: Order, config: Config, scope: Scope): Promise<void> {
  const request = {
    step: 'Payment processing',
    service: 'payment-service',
    method: 'POST',
    url: `${config.paymentUrl}/pay`,
    params: { orderID: order.orderID },
    headers: order.headers,
    expected: `Payment for order ${order.orderID} completed`,
    timeoutMs: config.callTimeoutMs,
  } as const;
  return call(request, scope);
}
