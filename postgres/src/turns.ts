import type { Scope } from '#request-scope';
import { TooManyWaiting } from './errors.ts';

/** What a query needs to know of a scope. */
export type Patience = Pick<Scope, 'signal' | 'remainingMs'>;

/** So many at a time. The others wait, first come, first served; whoever gives up leaves at once. */
export class Turns {
  readonly #count: number;
  readonly #maxWaiting: number;
  readonly #waiters = new Set<() => void>();
  #refusable = 0;
  #free: number;

  constructor(count: number, maxWaiting: number) {
    this.#count = count;
    this.#maxWaiting = maxWaiting;
    this.#free = count;
  }

  /**
   * Resolves when a turn begins, which its taker has to end. Rejects with the reason of `scope` as soon
   * as that aborts, and, if it may be refused, with TooManyWaiting. The verdict of work already done may
   * not: it must not fail because others have come since.
   */
  async take(scope: Patience | undefined, mayBeRefused: boolean): Promise<void> {
    scope?.signal.throwIfAborted();
    if (!mayBeRefused || this.#free > 0) return await this.#next(scope?.signal);
    if (this.#refusable >= this.#maxWaiting) throw new TooManyWaiting();
    this.#refusable += 1;
    await this.#next(scope?.signal).finally(() => {
      this.#refusable -= 1;
    });
  }

  /** Resolves once all who have a turn or wait for one are done; nobody gets one after that. */
  async takeAll(): Promise<void> {
    await Promise.all(Array.from({ length: this.#count }, () => this.#next()));
  }

  end(): void {
    const [first] = this.#waiters;
    if (first) first();
    else this.#free += 1;
  }

  async #next(signal?: AbortSignal): Promise<void> {
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const leave = () => {
        this.#waiters.delete(begin);
        signal?.removeEventListener('abort', giveUp);
      };
      const begin = () => {
        leave();
        resolve();
      };
      const giveUp = () => {
        leave();
        reject(signal?.reason);
      };
      this.#waiters.add(begin);
      signal?.addEventListener('abort', giveUp);
    });
  }
}
