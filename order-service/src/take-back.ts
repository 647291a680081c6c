import type { Scope } from '#request-scope';
import type { Attempts } from './attempts.ts';
import type { Order } from './order.ts';
import type { PaymentClient } from './payment-client.ts';

/** One try to take back an order that may be charged; resolves if it is not any more. Throws CallFailed. */
export type TakeBack = (order: Order, scope: Scope) => Promise<void>;

/** An order that is known to be processed stays so: its verdict was only not heard. */
export function takeBack(attempts: Attempts, payment: Pick<PaymentClient, 'void'>): TakeBack {
  return async (order, scope) => {
    if (!(await attempts.fail(order))) return;
    await payment.void(order, scope);
    await attempts.strikeOut(order);
  };
}
