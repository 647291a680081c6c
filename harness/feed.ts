interface Waiter<T> {
  wanted: (item: T) => boolean;
  missing: number;
  resolve: (item: T) => void;
  reject: (error: Error) => void;
}

/** Items that arrive one by one, to look at or to wait for. */
export class Feed<T> {
  readonly items: T[] = [];
  readonly #waiters = new Set<Waiter<T>>();
  #follower: ((item: T) => void) | undefined;
  #ended: Error | undefined;

  push(item: T): void {
    this.items.push(item);
    this.#follower?.(item);
    for (const waiter of this.#waiters) {
      if (!waiter.wanted(item)) continue;
      waiter.missing -= 1;
      if (waiter.missing > 0) continue;
      this.#waiters.delete(waiter);
      waiter.resolve(item);
    }
  }

  /** Calls `follower` with each item from now on. */
  follow(follower: (item: T) => void): void {
    this.#follower = follower;
  }

  /** Ends the feed: every current and future wait rejects with `error`. */
  end(error: Error): void {
    this.#ended = error;
    for (const waiter of this.#waiters) waiter.reject(error);
    this.#waiters.clear();
  }

  /** Resolves with the `count`th item for which `wanted` is true. */
  async next(wanted: (item: T) => boolean, count = 1): Promise<T> {
    const found = this.items.filter(wanted);
    const item = found[count - 1];
    if (item !== undefined) return item;
    if (this.#ended) throw this.#ended;
    return new Promise((resolve, reject) => {
      this.#waiters.add({ wanted, missing: count - found.length, resolve, reject });
    });
  }
}
