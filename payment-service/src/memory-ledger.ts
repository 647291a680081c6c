import { ExpiringMap, hasAborted } from '@orders/chassis';
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

  async begin(
    paymentKey: string,
    orderID: string,
    scope: Scope,
    callerKey?: string,
  ): Promise<Beginning> {
    const known = this.#find(paymentKey);
    if (known && known.orderID !== orderID) return 'other-order';
    if (known?.status === 'pending') return 'in-flight';
    if (known?.status === 'processed' || known?.status === 'voided') return known.status;
    if (!known && this.#isFull) return 'full';
    const ids = known ?? { paymentKey, callerKey, orderID };
    this.#settled.delete(paymentKey);
    this.#pending.set(paymentKey, { payment: this.#list(ids, 'pending'), scope });
    return 'begun';
  }

  async commit(key: string, scope: Scope): Promise<boolean> {
    if (hasAborted(scope)) throw scope.signal.reason;
    return this.#settle(key, 'processed');
  }

  async cancel(key: string): Promise<void> {
    this.#settle(key, 'canceled');
  }

  async void(
    paymentKey: string,
    orderID: string,
    _scope?: Scope,
    callerKey?: string,
  ): Promise<Voiding> {
    const known = this.#find(paymentKey);
    if (known && known.orderID !== orderID) return 'other-order';
    if (known?.status === 'voided') return 'already-voided';
    if (!known && this.#isFull) return 'full';
    const ids = known ?? { paymentKey, callerKey, orderID };
    const work = this.#pending.get(paymentKey)?.scope;
    this.#pending.delete(paymentKey);
    this.#settled.set(paymentKey, this.#list(ids, 'voided'));
    work?.abort(new PaymentVoided());
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
    this.#settled.set(key, this.#list(known.payment, status));
    return true;
  }

  /** Makes the entry, and puts it at the end of its order's list. */
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

  #unlist({ paymentKey, orderID }: Payment): void {
    const listed = this.#byOrder.get(orderID);
    listed?.delete(paymentKey);
    if (listed?.size === 0) this.#byOrder.delete(orderID);
  }
}

type Ids = Pick<Payment, 'paymentKey' | 'callerKey' | 'orderID'>;
