import { LRUCache } from 'lru-cache';

/** One payment, or the tombstone of one that was voided before it arrived. */
export interface Payment {
  readonly idempotencyKey: string;
  readonly orderID: string;
  readonly status: 'pending' | 'processed' | 'canceled' | 'voided';
  /** ISO 8601. */
  readonly updatedAt: string;
}

/** What `begin` found under the key. */
export type Beginning = 'begun' | 'in-flight' | 'processed' | 'voided' | 'other-order';

/** What `void` found under the key. */
export type Voiding = 'voided' | 'already-voided' | 'other-order';

interface Pending {
  payment: Payment;
  stop: () => void;
}

/**
 * What is known of each payment, by idempotency key. Each step is synchronous, so nothing can come
 * between its look and its change. Pending becomes processed, canceled or voided; canceled becomes
 * pending again or voided; processed becomes voided; voided is final.
 */
export class Ledger {
  readonly #pending = new Map<string, Pending>();
  readonly #settled: LRUCache<string, Payment>;

  /**
   * Settled payments and tombstones are remembered for `retentionMs`, and `maxSettled` at most: then
   * the oldest is forgotten.
   */
  constructor(retentionMs: number, maxSettled = 200_000) {
    this.#settled = new LRUCache({ max: maxSettled, ttl: retentionMs });
  }

  /** Opens a payment unless the key has one that is not canceled. A void calls `stop`. */
  begin(key: string, orderID: string, stop: () => void): Beginning {
    const known = this.#find(key);
    if (known && known.orderID !== orderID) return 'other-order';
    if (known?.status === 'pending') return 'in-flight';
    if (known?.status === 'processed' || known?.status === 'voided') return known.status;
    this.#settled.delete(key);
    this.#pending.set(key, { payment: entry(key, orderID, 'pending'), stop });
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
    const stop = this.#pending.get(key)?.stop;
    this.#pending.delete(key);
    this.#settled.set(key, entry(key, orderID, 'voided'));
    stop?.();
    return 'voided';
  }

  /** The payments for an order, by the time of their last change, oldest first. */
  payments(orderID: string): Payment[] {
    const pending = [...this.#pending.values()].map(({ payment }) => payment);
    return [...[...this.#settled.values()].reverse(), ...pending]
      .filter((payment) => payment.orderID === orderID)
      .sort((one, other) => one.updatedAt.localeCompare(other.updatedAt));
  }

  #find(key: string): Payment | undefined {
    return this.#pending.get(key)?.payment ?? this.#settled.peek(key);
  }

  #settle(key: string, status: 'processed' | 'canceled'): boolean {
    const known = this.#pending.get(key);
    if (!known) return false;
    this.#pending.delete(key);
    this.#settled.set(key, entry(key, known.payment.orderID, status));
    return true;
  }
}

function entry(idempotencyKey: string, orderID: string, status: Payment['status']): Payment {
  return { idempotencyKey, orderID, status, updatedAt: new Date().toISOString() };
}
