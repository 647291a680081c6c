import type { Logger } from '@orders/chassis';

/** One attempt to place an order. */
export interface Order {
  productID: string;
  orderID: string;
  /** The Idempotency-Key of the calls to the payment service. One per attempt, made here. */
  paymentKey: string;
  /** The Idempotency-Key that our own caller sent, if it sent one. */
  callerKey?: string | undefined;
  /** Sent with every call that the order needs. */
  requestId: string;
  log: Logger;
}
