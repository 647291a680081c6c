import { TooManyWaiting } from './errors.ts';

export interface SemaphoreOptions {
  /** How many refusable callers may wait at a time; any number unless given. */
  maxWaiting?: number;
  /** How many milliseconds a caller may wait; any time unless given. */
  maxWaitMs?: number;
}

interface Waiter {
  refusable: boolean;
  acquire: () => void;
  leave: (reason: unknown) => void;
}

/**
 * Limits how many callers work at a time; the others wait in FIFO order. pg's own pool has a queue too, but a
 * caller cannot leave it: an aborted query would stay in line and still be given a connection.
 */
export class Semaphore {
  readonly #permits: number;
  readonly #maxWaiting: number;
  readonly #maxWaitMs: number;
  readonly #waiters = new Set<Waiter>();
  #refusableWaiting = 0;
  #available: number;
  #refusal: Error | undefined;

  /**
   * @param permits how many callers may work at a time.
   * @param options how many may wait, and how long.
   */
  constructor(
    permits: number,
    {
      maxWaiting = Number.POSITIVE_INFINITY,
      maxWaitMs = Number.POSITIVE_INFINITY,
    }: SemaphoreOptions = {},
  ) {
    this.#permits = permits;
    this.#maxWaiting = maxWaiting;
    this.#maxWaitMs = maxWaitMs;
    this.#available = permits;
  }

  /**
   * Awaits `work` while holding a permit, and resolves or rejects as it does.
   *
   * @param signal ends the wait for the permit.
   * @throws The reason of `signal`, if it aborts before.
   * @throws TooManyWaiting after `maxWaitMs`.
   */
  async run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    await this.acquire(signal);
    try {
      return await work();
    } finally {
      this.release();
    }
  }

  /**
   * Resolves when the caller has a permit, which it must `release`.
   *
   * A caller that records the outcome of finished work should not be `refusable`: it must not fail because of
   * callers that came later.
   *
   * @param options whether the caller may be refused; false unless given.
   * @throws The reason of `signal`, as soon as it aborts.
   * @throws TooManyWaiting after `maxWaitMs`, and at once if `refusable` and `maxWaiting` others wait.
   * @throws The reason that was given to `refuse`, if `refusable`.
   */
  async acquire(signal?: AbortSignal, { refusable = false } = {}): Promise<void> {
    signal?.throwIfAborted();
    if (this.#refusal && refusable) throw this.#refusal;
    if (this.#tryAcquire()) return;
    if (!refusable) return await this.#wait(false, this.#maxWaitMs, signal);
    if (this.#refusableWaiting >= this.#maxWaiting) throw new TooManyWaiting();
    this.#refusableWaiting += 1;
    await this.#wait(true, this.#maxWaitMs, signal).finally(() => {
      this.#refusableWaiting -= 1;
    });
  }

  /** Passes the permit on to the first in line. */
  release(): void {
    const [first] = this.#waiters;
    if (first) first.acquire();
    else this.#available += 1;
  }

  /**
   * Takes and keeps every permit. Resolves once all callers that work or wait are done.
   *
   * @internal
   */
  async drain(): Promise<void> {
    const take = () =>
      this.#tryAcquire() ? undefined : this.#wait(false, Number.POSITIVE_INFINITY);
    await Promise.all(Array.from({ length: this.#permits }, take));
  }

  /**
   * Rejects refusable callers with `reason`, waiting and future ones, until it is called with undefined.
   *
   * @internal
   */
  refuse(reason: Error | undefined): void {
    this.#refusal = reason;
    if (!reason) return;
    for (const { refusable, leave } of this.#waiters) if (refusable) leave(reason);
  }

  #tryAcquire(): boolean {
    if (this.#available === 0) return false;
    this.#available -= 1;
    return true;
  }

  async #wait(refusable: boolean, maxWaitMs: number, signal?: AbortSignal): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const forget = () => {
        this.#waiters.delete(waiter);
        clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
      };
      const waiter: Waiter = {
        refusable,
        acquire() {
          forget();
          resolve();
        },
        leave(reason) {
          forget();
          reject(reason);
        },
      };
      const abort = () => waiter.leave(signal?.reason);
      const timer = Number.isFinite(maxWaitMs)
        ? setTimeout(() => waiter.leave(new TooManyWaiting()), maxWaitMs)
        : undefined;
      this.#waiters.add(waiter);
      signal?.addEventListener('abort', abort);
    });
  }
}
