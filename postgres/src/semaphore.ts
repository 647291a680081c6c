import type { Scope } from 'request-scope';
import { TooManyWaiting } from './errors.ts';

/** What a query needs to know of a scope. */
export type Patience = Pick<Scope, 'signal' | 'remainingMs'>;

interface Waiter {
  mayBeRefused: boolean;
  begin: () => void;
  leave: (reason: unknown) => void;
}

/** So many at a time. The others wait, first come, first served; whoever gives up leaves at once. */
export class Turns {
  readonly #count: number;
  readonly #maxWaiting: number;
  readonly #maxWaitMs: number;
  readonly #waiters = new Set<Waiter>();
  #refusable = 0;
  #free: number;
  #refusal: Error | undefined;

  /** Nobody waits for longer than `maxWaitMs` milliseconds. */
  constructor(count: number, maxWaiting: number, maxWaitMs: number) {
    this.#count = count;
    this.#maxWaiting = maxWaiting;
    this.#maxWaitMs = maxWaitMs;
    this.#free = count;
  }

  /**
   * Resolves when a turn begins, which its taker has to end. Rejects with the reason of `scope` as soon
   * as that aborts, with TooManyWaiting after the longest wait, and, if it may be refused, where too many
   * wait or all are refused. The verdict of work already done may not: it must not fail because others
   * have come since.
   */
  async take(scope: Patience | undefined, mayBeRefused: boolean): Promise<void> {
    scope?.signal.throwIfAborted();
    if (this.#refusal && mayBeRefused) throw this.#refusal;
    if (this.#isFree()) return;
    if (!mayBeRefused) return await this.#wait(false, this.#maxWaitMs, scope?.signal);
    if (this.#refusable >= this.#maxWaiting) throw new TooManyWaiting();
    this.#refusable += 1;
    await this.#wait(true, this.#maxWaitMs, scope?.signal).finally(() => {
      this.#refusable -= 1;
    });
  }

  /** Resolves once all who have a turn or wait for one are done; nobody gets one after that. */
  async takeAll(): Promise<void> {
    const take = () => (this.#isFree() ? undefined : this.#wait(false));
    await Promise.all(Array.from({ length: this.#count }, take));
  }

  end(): void {
    const [first] = this.#waiters;
    if (first) first.begin();
    else this.#free += 1;
  }

  /** Rejects those who wait and may be refused, and who comes later, with `reason`, until there is none. */
  refuse(reason: Error | undefined): void {
    this.#refusal = reason;
    if (!reason) return;
    for (const { mayBeRefused, leave } of this.#waiters) if (mayBeRefused) leave(reason);
  }

  #isFree(): boolean {
    if (this.#free === 0) return false;
    this.#free -= 1;
    return true;
  }

  async #wait(mayBeRefused: boolean, longestMs?: number, signal?: AbortSignal): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const forget = () => {
        this.#waiters.delete(waiter);
        clearTimeout(timer);
        signal?.removeEventListener('abort', giveUp);
      };
      const waiter: Waiter = {
        mayBeRefused,
        begin() {
          forget();
          resolve();
        },
        leave(reason) {
          forget();
          reject(reason);
        },
      };
      const giveUp = () => waiter.leave(signal?.reason);
      const timer = longestMs && setTimeout(() => waiter.leave(new TooManyWaiting()), longestMs);
      this.#waiters.add(waiter);
      signal?.addEventListener('abort', giveUp);
    });
  }
}
