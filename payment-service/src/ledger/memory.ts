import { ExpiringMap } from '@orders/chassis';
import { DeadlineExceeded, type ScopeView } from 'request-scope';
import {
  type BeginOptions,
  type BeginResult,
  type Ledger,
  MAX_LISTED,
  type Payment,
  type VoidOptions,
  type VoidResult,
} from './ledger.ts';

interface Pending {
  payment: Payment;
  onVoid: () => void;
}

/** Fits into a container of 512 MB, half of which Node gives to its heap. */
const MAX_BYTES = 200_000_000;

/** The bytes of a payment besides its ids, as measured in the worst case: one payment per order. */
const PAYMENT_BYTES = 550;

/** The ledger in memory. A step awaits nothing between reading a payment and changing it, so it is atomic. */
export class MemoryLedger implements Ledger {
  readonly #pending = new Map<string, Pending>();
  readonly #settled: ExpiringMap<Payment>;
  readonly #byOrder = new Map<string, Map<string, Payment>>();
  readonly #maxBytes: number;
  #bytes = 0;

  /**
   * Keeps settled payments and tombstones for `retentionMs` milliseconds, and forgets none sooner: it refuses a
   * new payment that would make the ledger exceed `maxBytes`.
   */
  constructor(retentionMs: number, maxBytes = MAX_BYTES) {
    this.#settled = new ExpiringMap(retentionMs, (payment) => this.#forget(payment));
    this.#maxBytes = maxBytes;
  }

  async begin(
    paymentKey: string,
    orderID: string,
    { onVoid, callerKey }: BeginOptions,
  ): Promise<BeginResult> {
    const known = this.#find(paymentKey);
    if (known && known.orderID !== orderID) return 'other-order';
    if (known?.status === 'pending') return 'in-flight';
    if (known?.status === 'processed' || known?.status === 'voided') return known.status;
    const ids = known ?? { paymentKey, callerKey, orderID };
    if (!known && !this.#makeRoom(ids)) return 'full';
    this.#settled.delete(paymentKey);
    this.#pending.set(paymentKey, { payment: this.#list(ids, 'pending'), onVoid });
    return 'begun';
  }

  async commit(key: string, { signal, remainingMs }: ScopeView): Promise<boolean> {
    signal.throwIfAborted();
    if (remainingMs === 0) throw new DeadlineExceeded();
    return this.#settle(key, 'processed');
  }

  async cancel(key: string): Promise<void> {
    this.#settle(key, 'canceled');
  }

  async void(
    paymentKey: string,
    orderID: string,
    { callerKey }: Pick<VoidOptions, 'callerKey'> = {},
  ): Promise<VoidResult> {
    const known = this.#find(paymentKey);
    if (known && known.orderID !== orderID) return 'other-order';
    if (known?.status === 'voided') return 'already-voided';
    const ids = known ?? { paymentKey, callerKey, orderID };
    if (!known && !this.#makeRoom(ids)) return 'full';
    const pending = this.#pending.get(paymentKey);
    this.#pending.delete(paymentKey);
    this.#settled.set(paymentKey, this.#list(ids, 'voided'));
    pending?.onVoid();
    return 'voided';
  }

  async payments(orderID: string): Promise<Payment[]> {
    this.#settled.clearExpired();
    return [...(this.#byOrder.get(orderID)?.values() ?? [])];
  }

  /** Reserves room for one more payment. Returns false if there is none. */
  #makeRoom(ids: Ids): boolean {
    this.#settled.clearExpired();
    const bytes = this.#bytes + bytesOf(ids);
    if (bytes > this.#maxBytes) return false;
    this.#bytes = bytes;
    return true;
  }

  #find(key: string): Payment | undefined {
    return this.#pending.get(key)?.payment ?? this.#settled.get(key);
  }

  #settle(key: string, status: 'processed' | 'canceled'): boolean {
    const known = this.#pending.get(key);
    if (!known) return false;
    this.#pending.delete(key);
    this.#settled.set(key, this.#list(known.payment, status));
    return true;
  }

  /** Adds a payment with this status to the end of its order's list. */
  #list({ paymentKey, callerKey, orderID }: Ids, status: Payment['status']): Payment {
    const payment = { paymentKey, callerKey, orderID, status, updatedAt: new Date().toISOString() };
    const listed = this.#byOrder.get(orderID) ?? new Map<string, Payment>();
    listed.delete(paymentKey);
    listed.set(paymentKey, payment);
    const [oldest] = listed.keys();
    if (listed.size > MAX_LISTED && oldest !== undefined) listed.delete(oldest);
    this.#byOrder.set(orderID, listed);
    return payment;
  }

  #forget(payment: Payment): void {
    const { paymentKey, orderID } = payment;
    this.#bytes -= bytesOf(payment);
    const listed = this.#byOrder.get(orderID);
    listed?.delete(paymentKey);
    if (listed?.size === 0) this.#byOrder.delete(orderID);
  }
}

type Ids = Pick<Payment, 'paymentKey' | 'callerKey' | 'orderID'>;

/** The bytes of a payment. Keys are ASCII, one byte per character; an order's id may take two. */
function bytesOf({ paymentKey, callerKey = '', orderID }: Ids): number {
  return PAYMENT_BYTES + paymentKey.length + callerKey.length + 2 * orderID.length;
}
