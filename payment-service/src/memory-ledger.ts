import { ExpiringMap } from '@orders/chassis';

/** One payment, or the tombstone of one that was voided before it arrived. */
export interface Payment {
  readonly idempotencyKey: string;
  readonly orderID: string;
  readonly status: 'pending' | 'processed' | 'canceled' | 'voided';
  /** ISO 8601. */
  readonly updatedAt: string;
}

/** What `begin` found under the key; `full`: nothing, and no room for more. */
export type Beginning = 'begun' | 'in-flight' | 'processed' | 'voided' | 'other-order' | 'full';

/** What `void` found under the key; `full`: nothing, and no room for a tombstone. */
export type Voiding = 'voided' | 'already-voided' | 'other-order' | 'full';

interface Pending {
  payment: Payment;
  stop: () => void;
}

/** Payments of one order that are listed: the latest ones. */
const MAX_LISTED = 1_000;

/** 250 MB or so, 380 with the longest ids. */
const MAX_PAYMENTS = 500_000;

/**
 * What is known of each payment, by idempotency key. Each step is synchronous, so nothing can come
 * between its look and its change. Pending becomes processed, canceled or voided; canceled becomes
 * pending again or voided; processed becomes voided; voided is final.
 */
export class Ledger {
  readonly #pending = new Map<string, Pending>();
  readonly #settled: ExpiringMap<Payment>;
  readonly #byOrder = new Map<string, Map<string, Payment>>();
  readonly #maxPayments: number;

  /**
   * Settled payments and tombstones are remembered for `retentionMs`, and never forgotten sooner: at
   * `maxPayments` the ledger takes nothing new.
   */
  constructor(retentionMs: number, maxPayments = MAX_PAYMENTS) {
    this.#settled = new ExpiringMap(retentionMs, (payment) => this.#unlist(payment));
    this.#maxPayments = maxPayments;
  }

  /** Opens a payment unless the key has one that is not canceled. A void calls `stop`. */
  begin(key: string, orderID: string, stop: () => void): Beginning {
    const known = this.#find(key);
    if (known && known.orderID !== orderID) return 'other-order';
    if (known?.status === 'pending') return 'in-flight';
    if (known?.status === 'processed' || known?.status === 'voided') return known.status;
    if (!known && this.#isFull) return 'full';
    this.#settled.delete(key);
    this.#pending.set(key, { payment: this.#list(key, orderID, 'pending'), stop });
    return 'begun';
  }

  /**
   * The point of no return. Throws if `signal` has aborted, or the payment is not pending any more:
   * then it must not happen.
   */
  commit(key: string, signal: AbortSignal): void {
    signal.throwIfAborted();
    if (!this.#settle(key, 'processed')) throw new Error('The payment is not pending');
  }

  /** Gives a pending payment up; any other stays as it is. */
  cancel(key: string): void {
    this.#settle(key, 'canceled');
  }

  /** Voids in any state. A payment that is not known leaves a tombstone, so that it cannot begin. */
  void(key: string, orderID: string): Voiding {
    const known = this.#find(key);
    if (known && known.orderID !== orderID) return 'other-order';
    if (known?.status === 'voided') return 'already-voided';
    if (!known && this.#isFull) return 'full';
    const stop = this.#pending.get(key)?.stop;
    this.#pending.delete(key);
    this.#settled.set(key, this.#list(key, orderID, 'voided'));
    stop?.();
    return 'voided';
  }

  /** The payments for an order, by the time of their last change, oldest first; the latest 1,000. */
  payments(orderID: string): Payment[] {
    this.#settled.clearExpired();
    return [...(this.#byOrder.get(orderID)?.values() ?? [])];
  }

  get #isFull(): boolean {
    return this.#pending.size + this.#settled.size >= this.#maxPayments;
  }

  #find(key: string): Payment | undefined {
    return this.#pending.get(key)?.payment ?? this.#settled.get(key);
  }

  #settle(key: string, status: 'processed' | 'canceled'): boolean {
    const known = this.#pending.get(key);
    if (!known) return false;
    this.#pending.delete(key);
    this.#settled.set(key, this.#list(key, known.payment.orderID, status));
    return true;
  }

  /** Makes the entry, and puts it at the end of its order's list. */
  #list(idempotencyKey: string, orderID: string, status: Payment['status']): Payment {
    const payment = { idempotencyKey, orderID, status, updatedAt: new Date().toISOString() };
    const listed = this.#byOrder.get(orderID) ?? new Map<string, Payment>();
    listed.delete(idempotencyKey);
    listed.set(idempotencyKey, payment);
    const [oldest] = listed.keys();
    if (listed.size > MAX_LISTED && oldest !== undefined) listed.delete(oldest);
    this.#byOrder.set(orderID, listed);
    return payment;
  }

  #unlist({ idempotencyKey, orderID }: Payment): void {
    const listed = this.#byOrder.get(orderID);
    listed?.delete(idempotencyKey);
    if (listed?.size === 0) this.#byOrder.delete(orderID);
  }
}
