import type { Logger } from '@orders/chassis';

/** One attempt to place an order. */
export interface Order {
  productID: string;
  orderID: string;
  /** Names this attempt's one payment: the Idempotency-Key of its calls. */
  paymentKey: string;
  /** The caller's name for this attempt: its own Idempotency-Key. */
  callerKey?: string | undefined;
  /** Travels with every call that the order needs. */
  requestId: string;
  log: Logger;
}
