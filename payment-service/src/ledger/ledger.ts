import createError from 'http-errors';
import { Cancellation, type Scope } from 'request-scope';

/** One payment, or the tombstone of one that was voided before it arrived. */
export interface Payment {
  readonly paymentKey: string;
  /** The Idempotency-Key that the order's caller sent, if it sent one. */
  readonly callerKey?: string | undefined;
  readonly orderID: string;
  readonly status: 'pending' | 'processed' | 'canceled' | 'voided';
  /** ISO 8601. */
  readonly updatedAt: string;
}

/** What `begin` found under the key; `full`: nothing, and no room for more. */
export type Beginning = 'begun' | 'in-flight' | 'processed' | 'voided' | 'other-order' | 'full';

/** What `void` found under the key; `full`: nothing, and no room for a tombstone. */
export type Voiding = 'voided' | 'already-voided' | 'other-order' | 'full';

/** The payment was voided while it was being processed. */
export class PaymentVoided extends Cancellation {
  override readonly name = 'PaymentVoided';
  override readonly message = 'payment voided';
  readonly code = 'voided';
}

/** The ledger could not be asked whether the payment was committed. */
export class OutcomeUnknown extends Error {
  override readonly message = 'Payment outcome unknown';
  readonly code = 'database-unavailable';
}

/**
 * What is known of each payment, by its key. Pending becomes processed, canceled or voided;
 * canceled becomes pending again or voided; processed becomes voided; voided is final.
 */
export interface Ledger {
  /**
   * Opens a payment unless the key has one that is not canceled. A void aborts `scope`. The caller's key
   * is kept as it came first.
   */
  begin(key: string, orderID: string, scope: Scope, callerKey?: string): Promise<Beginning>;

  /**
   * The point of no return: whether the payment was pending still, and is processed now. Rejects with
   * the reason of `scope` if that has aborted, or its deadline has passed by the clock, before the step is
   * taken, which itself takes no signal; with OutcomeUnknown if nobody can tell whether it was.
   */
  commit(key: string, scope: Scope): Promise<boolean>;

  /** Gives a pending payment up; any other stays as it is. */
  cancel(key: string): Promise<void>;

  /** Voids in any state. A payment that is not known leaves a tombstone, so that it cannot begin. */
  void(key: string, orderID: string, scope: Scope, callerKey?: string): Promise<Voiding>;

  /** The payments for an order, by the time of their last change, oldest first; the latest 100. */
  payments(orderID: string, scope: Scope): Promise<Payment[]>;
}

/** Payments of one order that are listed: the latest ones. */
export const MAX_LISTED = 100;

/** The answer where there is no room to remember one payment more: nothing was forgotten for it. */
export function ledgerFull(): Error {
  return createError(503, 'Too many payments to remember', { headers: { 'Retry-After': '1' } });
}
