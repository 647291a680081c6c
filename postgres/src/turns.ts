import { DeadlineExceeded, type Scope } from '#request-scope';

/** What a query needs to know of a scope. */
export type Patience = Pick<Scope, 'signal' | 'remainingMs'>;

/** As many wait for a connection as may. Nothing was sent. */
export class TooManyWaiting extends Error {
  override readonly message = 'too many queries wait for a connection';
}

interface Waiter {
  hasTime: () => boolean;
  begin: () => void;
  refuse: (reason: unknown) => void;
}

/** So many at a time. The others wait, first come, first served; whoever gives up leaves at once. */
export class Turns {
  readonly #count: number;
  readonly #maxWaiting: number;
  readonly #waiters = new Set<Waiter>();
  #free: number;

  constructor(count: number, maxWaiting: number) {
    this.#count = count;
    this.#maxWaiting = maxWaiting;
    this.#free = count;
  }

  /**
   * Resolves when a turn begins, for its taker to end. Rejects with the reason of `scope` as soon as
   * that aborts, with DeadlineExceeded if less than `expectedMs` milliseconds are left when it would
   * begin, and with TooManyWaiting.
   */
  async take(scope: Patience | undefined, expectedMs: number): Promise<void> {
    scope?.signal.throwIfAborted();
    if (scope && scope.remainingMs < expectedMs) throw new DeadlineExceeded();
    if (this.#free === 0 && this.#waiters.size >= this.#maxWaiting) throw new TooManyWaiting();
    await this.#next(scope, expectedMs);
  }

  /** Resolves once all who have a turn or wait for one are done; nobody else gets one after that. */
  async takeAll(): Promise<void> {
    await Promise.all(Array.from({ length: this.#count }, () => this.#next()));
  }

  end(): void {
    for (const waiter of this.#waiters) {
      if (waiter.hasTime()) {
        waiter.begin();
        return;
      }
      waiter.refuse(new DeadlineExceeded());
    }
    this.#free += 1;
  }

  async #next(scope?: Patience, expectedMs = 0): Promise<void> {
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const giveUp = () => waiter.refuse(scope?.signal.reason);
      const leave = () => {
        this.#waiters.delete(waiter);
        scope?.signal.removeEventListener('abort', giveUp);
      };
      const waiter: Waiter = {
        hasTime: () => !scope || scope.remainingMs >= expectedMs,
        begin() {
          leave();
          resolve();
        },
        refuse(reason) {
          leave();
          reject(reason);
        },
      };
      this.#waiters.add(waiter);
      scope?.signal.addEventListener('abort', giveUp);
    });
  }
}
