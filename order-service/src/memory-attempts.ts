import { ExpiringMap } from '@orders/chassis';
import type { Attempts, Beginning } from './attempts.ts';
import type { Order } from './order.ts';

/** What is known of the attempt that a caller's key names. */
type Attempt = { order: string; status: 'in-flight' | 'processed' | 'failed' };

/** As many as the payment service remembers. */
const MAX_ATTEMPTS = 500_000;

/** In memory: what a caller's key names is made once. Without a key, every attempt is new. */
export class MemoryAttempts implements Attempts {
  readonly #inFlight = new Map<string, Attempt>();
  readonly #ended: ExpiringMap<Attempt>;
  readonly #maxAttempts: number;

  /** An attempt is remembered for `retentionMs` after its end, and never forgotten sooner. */
  constructor(retentionMs: number, maxAttempts = MAX_ATTEMPTS) {
    this.#ended = new ExpiringMap(retentionMs);
    this.#maxAttempts = maxAttempts;
  }

  async begin({ callerKey: key, productID, orderID }: Order): Promise<Beginning> {
    if (key === undefined) return 'begun';
    const order = JSON.stringify([productID, orderID]);
    const known = this.#inFlight.get(key) ?? this.#ended.get(key);
    if (known) return known.order === order ? known.status : 'other-order';
    if (this.#inFlight.size + this.#ended.size >= this.#maxAttempts) return 'full';
    this.#inFlight.set(key, { order, status: 'in-flight' });
    return 'begun';
  }

  async succeed(order: Order): Promise<void> {
    this.#end(order, 'processed');
  }

  async fail(order: Order): Promise<boolean> {
    this.#end(order, 'failed');
    return true;
  }

  async strikeOut(order: Order): Promise<void> {
    this.#end(order, 'failed');
  }

  #end({ callerKey: key = '' }: Order, status: 'processed' | 'failed'): void {
    const attempt = this.#inFlight.get(key);
    if (!attempt) return;
    this.#inFlight.delete(key);
    this.#ended.set(key, { ...attempt, status });
  }
}
