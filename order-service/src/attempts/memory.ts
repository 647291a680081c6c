import { ExpiringMap } from '@orders/chassis';
import type { Order } from '../order.ts';
import type { AbandonedAttempt, Attempts, BeginResult } from './attempts.ts';

/** An attempt that a caller has named with a key. */
interface Attempt {
  productID: string;
  orderID: string;
  status: 'in-flight' | 'processed' | 'failed';
  /** An upper bound of its size in memory. */
  bytes: number;
}

/** Fits into a container of 512 MB, half of which Node gives to its heap. */
const MAX_BYTES = 200_000_000;

/** The size of an attempt without its key and ids, at most (measured). */
const ATTEMPT_BYTES = 300;

/** The attempts in memory. Only those with a caller's key are kept: without one every attempt is new. */
export class MemoryAttempts implements Attempts {
  readonly isDurable = false;
  readonly #inFlight = new Map<string, Attempt>();
  readonly #ended: ExpiringMap<Attempt>;
  readonly #maxBytes: number;
  #bytes = 0;

  /** Remembers an attempt for `retentionMs` milliseconds after its end, and never evicts it sooner. */
  constructor(retentionMs: number, maxBytes = MAX_BYTES) {
    this.#ended = new ExpiringMap(retentionMs, ({ bytes }) => {
      this.#bytes -= bytes;
    });
    this.#maxBytes = maxBytes;
  }

  async begin({ callerKey: key, productID, orderID }: Order): Promise<BeginResult> {
    if (key === undefined) return 'begun';
    const known = this.#inFlight.get(key) ?? this.#ended.get(key);
    if (known) {
      const isSame = known.productID === productID && known.orderID === orderID;
      return isSame ? known.status : 'other-order';
    }
    // Keys are ASCII, one byte per character. Ids may take two.
    const bytes = ATTEMPT_BYTES + key.length + 2 * (productID.length + orderID.length);
    this.#ended.clearExpired();
    if (this.#bytes + bytes > this.#maxBytes) return 'full';
    this.#bytes += bytes;
    this.#inFlight.set(key, { productID, orderID, status: 'in-flight', bytes });
    return 'begun';
  }

  async succeed(order: Order): Promise<void> {
    this.#end(order, 'processed');
  }

  async fail(order: Order): Promise<boolean> {
    this.#end(order, 'failed');
    return true;
  }

  async close(order: Order): Promise<void> {
    this.#end(order, 'failed');
  }

  async claimAbandoned(): Promise<AbandonedAttempt[]> {
    return [];
  }

  #end({ callerKey: key = '' }: Order, status: 'processed' | 'failed'): void {
    const attempt = this.#inFlight.get(key);
    if (!attempt) return;
    this.#inFlight.delete(key);
    this.#ended.set(key, { ...attempt, status });
  }
}
