import { ExpiringMap } from '@orders/chassis';

/** What is known of the attempt that a caller's key names. */
type Attempt = { order: string; status: 'in-flight' | 'processed' | 'failed' };

/** What `begin` found under the key; `full`: nothing, and no room for more. */
export type Beginning = 'begun' | 'in-flight' | 'processed' | 'failed' | 'other-order' | 'full';

/** As many as the payment service remembers. */
const MAX_ATTEMPTS = 500_000;

/** The attempts that callers have named with a key of their own; each of them is made once. */
export class Attempts {
  readonly #inFlight = new Map<string, Attempt>();
  readonly #ended: ExpiringMap<Attempt>;
  readonly #maxAttempts: number;

  /** An attempt is remembered for `retentionMs` after its end, and never forgotten sooner. */
  constructor(retentionMs: number, maxAttempts = MAX_ATTEMPTS) {
    this.#ended = new ExpiringMap(retentionMs);
    this.#maxAttempts = maxAttempts;
  }

  /** Begins the attempt at `order` unless its key is known. Without a key, every attempt is new. */
  begin(key: string | undefined, order: string): Beginning {
    if (key === undefined) return 'begun';
    const known = this.#inFlight.get(key) ?? this.#ended.get(key);
    if (known) return known.order === order ? known.status : 'other-order';
    if (this.#inFlight.size + this.#ended.size >= this.#maxAttempts) return 'full';
    this.#inFlight.set(key, { order, status: 'in-flight' });
    return 'begun';
  }

  /** Takes back the beginning of an attempt that was not made. */
  forget(key: string | undefined): void {
    if (key !== undefined) this.#inFlight.delete(key);
  }

  end(key: string | undefined, status: 'processed' | 'failed'): void {
    const attempt = key === undefined ? undefined : this.#inFlight.get(key);
    if (key === undefined || !attempt) return;
    this.#inFlight.delete(key);
    this.#ended.set(key, { ...attempt, status });
  }
}
