import { causeOf, Scope, ShuttingDown } from '@orders/cancellation';
import pLimit from 'p-limit';
import pRetry from 'p-retry';
import type { Order } from './order.ts';

/** Voids that speak to the payment service at the same time; the others wait for their turn. */
const MAX_CONCURRENT = 10;

/** The first retry comes after 100 to 200 ms, each next one after twice as long, up to 5 s. */
const BACKOFF = {
  retries: Number.POSITIVE_INFINITY,
  minTimeout: 100,
  maxTimeout: 5_000,
  factor: 2,
  randomize: true,
};

/** Takes payments back whose outcome is unknown, behind the answer and beyond the request. */
export class Voids {
  readonly #giveUpMs: number;
  readonly #limit = pLimit(MAX_CONCURRENT);
  readonly #underWay = new Map<Scope, Promise<void>>();

  /** `giveUpMs`: how long a void is tried before its outcome is left to reconciliation. */
  constructor(giveUpMs: number) {
    this.#giveUpMs = giveUpMs;
  }

  /** How many payments are not yet known to be voided. */
  get size(): number {
    return this.#underWay.size;
  }

  /**
   * Repeats `attempt` until it resolves. If it does not in time, one line at level error is the
   * record to reconcile by.
   */
  add({ orderID, log }: Order, attempt: (scope: Scope) => Promise<void>): void {
    // A scope of its own: the request's is dead, and that is why the void is needed.
    const scope = new Scope(this.#giveUpMs);
    const { signal } = scope;
    const turn = () => {
      signal.throwIfAborted(); // It may have waited for its turn until too late.
      return attempt(scope);
    };
    const settled = pRetry(() => this.#limit(turn), { ...BACKOFF, signal })
      .catch((error) => {
        const cause = causeOf(error, scope)?.code;
        log.error(
          cause ? { cause } : { err: error },
          `Payment outcome unknown for order: ${orderID}`,
        );
      })
      .finally(() => {
        scope[Symbol.dispose]();
        this.#underWay.delete(scope);
      });
    this.#underWay.set(scope, settled);
  }

  /** Resolves when no void is under way; those that are when `signal` aborts are given up. */
  async finish(signal: AbortSignal): Promise<void> {
    const giveUp = () => {
      for (const scope of this.#underWay.keys()) scope.abort(new ShuttingDown());
    };
    signal.addEventListener('abort', giveUp, { once: true });
    if (signal.aborted) giveUp();
    await Promise.all(this.#underWay.values());
  }
}
