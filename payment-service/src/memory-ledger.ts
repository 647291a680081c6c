import { ExpiringMap } from '@orders/chassis';
import type { Scope } from '#request-scope';
import {
  type Beginning,
  type Ledger,
  MAX_LISTED,
  type Payment,
  PaymentVoided,
  type Voiding,
} from './ledger.ts';

interface Pending {
  payment: Payment;
  scope: Scope;
}

/** 250 MB or so, 380 with the longest ids. */
const MAX_PAYMENTS = 500_000;

/** In memory. No step waits for anything, so nothing can come between its look and its change. */
export class MemoryLedger implements Ledger {
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

  async begin(key: string, orderID: string, scope: Scope): Promise<Beginning> {
    const known = this.#find(key);
    if (known && known.orderID !== orderID) return 'other-order';
    if (known?.status === 'pending') return 'in-flight';
    if (known?.status === 'processed' || known?.status === 'voided') return known.status;
    if (!known && this.#isFull) return 'full';
    this.#settled.delete(key);
    this.#pending.set(key, { payment: this.#list(key, orderID, 'pending'), scope });
    return 'begun';
  }

  async commit(key: string, scope: Scope): Promise<boolean> {
    scope.signal.throwIfAborted();
    return this.#settle(key, 'processed');
  }

  async cancel(key: string): Promise<void> {
    this.#settle(key, 'canceled');
  }

  async void(key: string, orderID: string): Promise<Voiding> {
    const known = this.#find(key);
    if (known && known.orderID !== orderID) return 'other-order';
    if (known?.status === 'voided') return 'already-voided';
    if (!known && this.#isFull) return 'full';
    const scope = this.#pending.get(key)?.scope;
    this.#pending.delete(key);
    this.#settled.set(key, this.#list(key, orderID, 'voided'));
    scope?.abort(new PaymentVoided());
    return 'voided';
  }

  async payments(orderID: string): Promise<Payment[]> {
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
