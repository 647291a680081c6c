import { setTimeout as sleep } from 'node:timers/promises';
import { Scope, ShuttingDown } from '@orders/cancellation';
import pLimit from 'p-limit';
import { CallEnded } from './http/call-failed.ts';
import type { Order } from './order.ts';

/** Voids that speak to the payment service at the same time; the others wait for their turn. */
const MAX_CONCURRENT = 100;

/** The pause before the first retry, at most; each next one is twice as long, up to the longest. */
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5_000;

/** One try; resolves if it is acknowledged. Throws CallEnded. */
type Attempt = (scope: Scope) => Promise<void>;

/** Voids payments with an unknown outcome, in the background, after the answer. */
export class Voids {
  readonly #giveUpMs: number;
  readonly #rememberedMs: number;
  readonly #limit = pLimit(MAX_CONCURRENT);
  readonly #underWay = new Map<Scope, Promise<void>>();

  /**
   * `giveUpMs`: after it a void that is not acknowledged is reported, and still tried. `rememberedMs`:
   * how long the payment service remembers a payment; a later acknowledgement takes nothing back.
   */
  constructor(giveUpMs: number, rememberedMs = Number.POSITIVE_INFINITY) {
    this.#giveUpMs = giveUpMs;
    this.#rememberedMs = rememberedMs;
  }

  /** How many payments are not yet known to be voided. */
  get size(): number {
    return this.#underWay.size;
  }

  /**
   * Repeats `attempt` until it resolves. If that takes too long, or the service leaves before, one
   * line at level error is the record to reconcile by.
   */
  add(order: Order, attempt: Attempt): void {
    // A scope of its own: the request's is dead, and that is why the void is needed.
    const scope = new Scope();
    const settled = this.#settle(order, attempt, scope).finally(() => {
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

  async #settle({ orderID, log }: Order, attempt: Attempt, scope: Scope): Promise<void> {
    const { signal } = scope;
    let reported = false;
    const report = (cause: string) => {
      if (!reported) log.error({ cause }, `Payment outcome unknown for order: ${orderID}`);
      reported = true;
    };
    const overdue = setTimeout(report, this.#giveUpMs, 'deadline-exceeded');
    let pauseMs = FIRST_PAUSE_MS;
    const tryOnce = () => this.#limit(() => isAcknowledged(attempt, scope, log));
    let acknowledged = await tryOnce();
    while (!acknowledged && !signal.aborted) {
      const jitter = (1 + Math.random()) / 2;
      await sleep(pauseMs * jitter, undefined, { signal }).catch(() => {});
      pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
      acknowledged = await tryOnce();
    }
    clearTimeout(overdue);
    if (!acknowledged) report('shutting-down');
    else if (reported && scope.elapsedMs < this.#rememberedMs)
      log.info(`Payment voided after all for order: ${orderID}`);
  }
}

/** Whether one try was acknowledged. */
async function isAcknowledged(attempt: Attempt, scope: Scope, log: Order['log']): Promise<boolean> {
  if (scope.signal.aborted) return false; // It may have waited for its turn until too late.
  try {
    await attempt(scope);
    return true;
  } catch (error) {
    if (!(error instanceof CallEnded)) log.error({ err: error }, 'Internal error');
    return false;
  }
}
