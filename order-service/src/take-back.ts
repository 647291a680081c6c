import pLimit from 'p-limit';
import type { Scope } from '#request-scope';
import type { Attempts } from './attempts.ts';
import type { Order } from './order.ts';
import type { PaymentClient } from './payment-client.ts';

/** One try to take back an order that may be charged; resolves if it is not any more. Throws CallFailed. */
export type TakeBack = (order: Order, scope: Scope) => Promise<void>;

/** Voids that speak to the payment service at the same time; the others wait for their turn. */
const MAX_CONCURRENT = 200;

/**
 * An order that is known to be processed stays so: its verdict was only not heard. That it has failed is
 * on record at once, however long the line before the payment service is: its caller may ask.
 */
export function takeBack(attempts: Attempts, payment: Pick<PaymentClient, 'void'>): TakeBack {
  const recording = pLimit(MAX_CONCURRENT);
  const revoking = pLimit(MAX_CONCURRENT);
  return async (order, scope) => {
    if (!(await recording(() => attempts.fail(order)))) return;
    await revoking(() => payment.void(order, scope));
    await attempts.strikeOut(order);
  };
}
