/** Entries that have expired are cleared away a few at a time: many at once would hold the loop up. */
const CLEARED_AT_ONCE = 100;

/** Keeps each value for a fixed time, and evicts none: its owner bounds the size. */
export class ExpiringMap<Value> {
  readonly #entries = new Map<string, { value: Value; expiresAt: number }>();
  readonly #ttlMs: number;
  readonly #onExpire: (value: Value) => void;

  /** Remembers each value for `ttlMs` milliseconds after it was set; `onExpire` gets it at its end. */
  constructor(ttlMs: number, onExpire: (value: Value) => void = () => {}) {
    this.#ttlMs = ttlMs;
    this.#onExpire = onExpire;
  }

  /** The value, if it has not expired. One that has is cleared away. */
  get(key: string): Value | undefined {
    const entry = this.#entries.get(key);
    if (!entry || entry.expiresAt > performance.now()) return entry?.value;
    this.#entries.delete(key);
    this.#onExpire(entry.value);
    return undefined;
  }

  /** Sets or replaces the value; its time begins anew. */
  set(key: string, value: Value): void {
    this.#entries.delete(key); // so that the entries stay sorted by their expiry
    this.#entries.set(key, { value, expiresAt: performance.now() + this.#ttlMs });
    this.clearExpired();
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  /** Clears away what has expired, a bounded number of entries at a time. */
  clearExpired(): void {
    const now = performance.now();
    let cleared = 0;
    for (const [key, { value, expiresAt }] of this.#entries) {
      if (expiresAt > now || cleared === CLEARED_AT_ONCE) return;
      this.#entries.delete(key);
      this.#onExpire(value);
      cleared += 1;
    }
  }
}
