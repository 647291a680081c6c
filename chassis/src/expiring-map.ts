/** How many entries are removed at a time, at most: more would block the event loop. */
const MAX_CLEARED = 100;

/** A map that keeps each value for a fixed time, and never evicts one earlier: its owner bounds the size. */
export class ExpiringMap<Value> {
  readonly #entries = new Map<string, { value: Value; expiresAt: number }>();
  readonly #ttlMs: number;
  readonly #onExpire: (value: Value) => void;

  /** Keeps each value for `ttlMs` milliseconds after it was set, then removes it and calls `onExpire`. */
  constructor(ttlMs: number, onExpire: (value: Value) => void = () => {}) {
    this.#ttlMs = ttlMs;
    this.#onExpire = onExpire;
  }

  /** The value, unless it has expired. An expired value is removed. */
  get(key: string): Value | undefined {
    const entry = this.#entries.get(key);
    if (!entry || entry.expiresAt > performance.now()) return entry?.value;
    this.#entries.delete(key);
    this.#onExpire(entry.value);
    return undefined;
  }

  /** Sets or replaces a value, and starts its time again. */
  set(key: string, value: Value): void {
    this.#entries.delete(key); // The entries stay sorted by their expiry.
    this.#entries.set(key, { value, expiresAt: performance.now() + this.#ttlMs });
    this.clearExpired();
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  /** Removes expired values, at most 100 at a time. */
  clearExpired(): void {
    const now = performance.now();
    let cleared = 0;
    for (const [key, { value, expiresAt }] of this.#entries) {
      if (expiresAt > now || cleared === MAX_CLEARED) return;
      this.#entries.delete(key);
      this.#onExpire(value);
      cleared += 1;
    }
  }
}
