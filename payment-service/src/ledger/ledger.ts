import createError from 'http-errors';
import { Cancellation, type ScopeView } from 'request-scope';

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

/** What `begin` did or found. `full`: the key is new, and there is no room for it. */
export type BeginResult = 'begun' | 'in-flight' | 'processed' | 'voided' | 'other-order' | 'full';

/** What `void` did or found. `full`: the key is new, and there is no room for a tombstone. */
export type VoidResult = 'voided' | 'already-voided' | 'other-order' | 'full';

export interface VoidOptions {
  scope: ScopeView;
  /** The Idempotency-Key of the order's caller. The ledger keeps the first one that it gets. */
  callerKey?: string | undefined;
}

export interface BeginOptions extends VoidOptions {
  /** Called at most once, when the payment is voided while it is pending. */
  onVoid: () => void;
}

/** The payment was voided while it was being processed. */
export class PaymentVoided extends Cancellation {
  override readonly name = 'PaymentVoided';
  override readonly message = 'payment voided';
  readonly code = 'voided';
}

/** The database did not say whether the payment was committed. */
export class OutcomeUnknown extends Error {
  override readonly message = 'Payment outcome unknown';
  readonly code = 'database-unavailable';
}

/**
 * The payments by their keys. A pending payment becomes processed, canceled or voided; a canceled one becomes
 * pending again, or voided; a processed one becomes voided, which is final.
 */
export interface Ledger {
  /** Begins a pending payment, unless the key already has one that is not canceled. */
  begin(key: string, orderID: string, options: BeginOptions): Promise<BeginResult>;

  /**
   * COMMIT, the point of no return: makes a pending payment processed. Resolves to false if it was not pending
   * any more. Once the step has been taken, `scope` cannot stop it.
   *
   * @throws the reason of `scope` if that has aborted, or DeadlineExceeded if its deadline has passed, before
   * the step was taken.
   * @throws {OutcomeUnknown} if the payment may or may not be processed.
   */
  commit(key: string, scope: ScopeView): Promise<boolean>;

  /** Makes a pending payment canceled. A payment in any other state stays as it is. */
  cancel(key: string): Promise<void>;

  /** Voids a payment in any state. A key without a payment gets a tombstone, so that none can begin later. */
  void(key: string, orderID: string, options: VoidOptions): Promise<VoidResult>;

  /** The 100 payments of an order that changed last, oldest change first. */
  payments(orderID: string, scope: ScopeView): Promise<Payment[]>;
}

/** How many payments of one order are listed. */
export const MAX_LISTED = 100;

/** The 503 error for a full ledger. It forgets no payment to make room for another. */
export function ledgerFull(): Error {
  return createError(503, 'Too many payments to remember', { headers: { 'Retry-After': '1' } });
}
