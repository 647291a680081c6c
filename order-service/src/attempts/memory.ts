import { ExpiringMap } from '@orders/chassis';
import type { Order } from '../order.ts';
import type { Attempts, Beginning } from './attempts.ts';

/** What is known of the attempt that a caller's key names. */
interface Attempt {
  productID: string;
  orderID: string;
  status: 'in-flight' | 'processed' | 'failed';
  /** What it takes in memory. */
  bytes: number;
}

/** It fits into a container of 512 MB, half of which Node gives to its heap. */
const MAX_BYTES = 200_000_000;

/** What an attempt takes besides its key and ids, at most, as measured. */
const ATTEMPT_BYTES = 300;

/** In memory: what a caller's key names is made once. Without a key, every attempt is new. */
export class MemoryAttempts implements Attempts {
  readonly #inFlight = new Map<string, Attempt>();
  readonly #ended: ExpiringMap<Attempt>;
  readonly #maxBytes: number;
  #bytes = 0;

  /** An attempt is remembered for `retentionMs` after its end, and never forgotten sooner. */
  constructor(retentionMs: number, maxBytes = MAX_BYTES) {
    this.#ended = new ExpiringMap(retentionMs, ({ bytes }) => {
      this.#bytes -= bytes;
    });
    this.#maxBytes = maxBytes;
  }

  async begin({ callerKey: key, productID, orderID }: Order): Promise<Beginning> {
    if (key === undefined) return 'begun';
    const known = this.#inFlight.get(key) ?? this.#ended.get(key);
    if (known) {
      const isSame = known.productID === productID && known.orderID === orderID;
      return isSame ? known.status : 'other-order';
    }
    // A key is ASCII, one byte a character; an id may take two.
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
