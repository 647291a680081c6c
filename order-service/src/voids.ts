import { setTimeout as sleep } from 'node:timers/promises';
import pLimit from 'p-limit';
import { Scope, ShuttingDown } from 'request-scope';
import type { Attempts } from './attempts/attempts.ts';
import { type OrderVoid, orderVoid } from './events.ts';
import type { Order } from './order.ts';
import { OrderFailed } from './order-failed.ts';
import type { Send, Step } from './step.ts';

/** The pause before the first retry, at most; each next one is twice as long, up to the longest. */
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5_000;

export interface VoidOptions {
  /** After it a void that is not acknowledged is reported, and still tried; `rememberedMs`, if that is less. */
  giveUpMs: number;
  /** How long a payment is surely remembered from then on; a later acknowledgement takes nothing back. */
  rememberedMs: number;
  /** Waits before the next try; rejects when `signal` aborts. A timer unless given. */
  pause?: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Whether a void that is open when the process ends is on record, for another one to take over. */
  isDurable?: boolean;
}

interface UnderWay {
  order: Order;
  scope: Scope;
  /** Whether a line said that its outcome is unknown. */
  isReported: boolean;
  settled: Promise<unknown>;
}

/** Voids payments with an unknown outcome, in the background, after the answer. */
export class Voids {
  readonly #takeBack: TakeBack;
  readonly #options: VoidOptions;
  readonly #underWay = new Map<string, UnderWay>();

  constructor(takeBack: TakeBack, options: VoidOptions) {
    this.#takeBack = takeBack;
    this.#options = options;
  }

  /** How many payments are not yet known to be voided. */
  get size(): number {
    return this.#underWay.size;
  }

  /** Whether the payment under `key` is being voided. */
  has(key: string): boolean {
    return this.#underWay.has(key);
  }

  /**
   * Voids the payment of an order that may have been charged although it failed (place-order.ts says
   * when), or that another process left (recover.ts), until that is acknowledged. If it takes too long,
   * or the service leaves before and the void is not durable, one line at level error is the record to
   * reconcile by.
   */
  add(order: Order): void {
    const { paymentKey: key } = order;
    if (this.has(key)) return;
    // A scope of its own: the request's is dead, and that is why the void is needed.
    const scope = new Scope();
    const underWay: UnderWay = { order, scope, isReported: false, settled: Promise.resolve() };
    const settle = () => this.#settle(underWay);
    const told: OrderVoid = { order };
    underWay.settled = orderVoid.tracePromise(settle, told).finally(() => {
      scope[Symbol.dispose]();
      this.#underWay.delete(key);
    });
    this.#underWay.set(key, underWay);
  }

  /** Resolves when no void is under way; those that are when `signal` aborts are given up. */
  async finish(signal: AbortSignal): Promise<void> {
    const giveUp = () => {
      for (const { scope } of this.#underWay.values()) scope.abort(new ShuttingDown());
    };
    signal.addEventListener('abort', giveUp, { once: true });
    if (signal.aborted) giveUp();
    await Promise.all([...this.#underWay.values()].map(({ settled }) => settled));
  }

  /** Reports the voids that are under way and not durable, at once: the process ends before they do. */
  reportOpen(): void {
    if (this.#options.isDurable) return;
    for (const underWay of this.#underWay.values()) report(underWay, 'shutting-down');
  }

  /** Whether it was acknowledged. */
  async #settle(underWay: UnderWay): Promise<boolean> {
    const { order, scope } = underWay;
    const { giveUpMs, rememberedMs, isDurable } = this.#options;
    const giveUpAfterMs = Math.min(giveUpMs, rememberedMs);
    const overdue = setTimeout(report, giveUpAfterMs, underWay, 'deadline-exceeded');
    const isAcknowledged = await this.#isAcknowledged(order, scope);
    clearTimeout(overdue);
    if (!isAcknowledged && !isDurable) report(underWay, 'shutting-down');
    else if (isAcknowledged && underWay.isReported && scope.elapsedMs < rememberedMs)
      order.log.info(`Payment voided after all for order: ${order.orderID}`);
    return isAcknowledged;
  }

  /** Repeats the void until it is acknowledged (true), or `scope` is aborted (false). */
  async #isAcknowledged(order: Order, scope: Scope): Promise<boolean> {
    const { signal } = scope;
    const { pause = timer } = this.#options;
    let pauseMs = FIRST_PAUSE_MS;
    for (; !(await this.#attempt(order, scope)); pauseMs = longer(pauseMs)) {
      const jitter = (1 + Math.random()) / 2;
      await pause(pauseMs * jitter, signal).catch(() => {});
      if (signal.aborted) return false;
    }
    return true;
  }

  /** Whether one try was acknowledged. */
  async #attempt(order: Order, scope: Scope): Promise<boolean> {
    try {
      await this.#takeBack(order, scope);
      return true;
    } catch (error) {
      if (!(error instanceof OrderFailed)) order.log.error({ err: error }, 'Internal error');
      return false;
    }
  }
}

/** Logs, once, the record to reconcile by. */
function report(underWay: UnderWay, cause: string): void {
  const { orderID, log } = underWay.order;
  if (!underWay.isReported) log.error({ cause }, `Payment outcome unknown for order: ${orderID}`);
  underWay.isReported = true;
}

const timer = (ms: number, signal: AbortSignal) => sleep(ms, undefined, { signal });

const longer = (pauseMs: number) => Math.min(2 * pauseMs, LONGEST_PAUSE_MS);

/** One try to take back an order that may be charged; resolves if it is not any more. Throws OrderFailed. */
export type TakeBack = (order: Order, scope: Scope) => Promise<void>;

/** Orders that are taken back at the same time; the others wait for their turn. */
const MAX_CONCURRENT = 200;

/**
 * Takes back every step of `steps` that has an `undo`, the last one first; each call may take `timeoutMs`. An
 * order that is known to be processed stays so: its verdict was only not heard. That it has failed is on record
 * at once, however long the line before the services is: its caller may ask.
 */
export function takeBack(
  attempts: Attempts,
  steps: readonly Pick<Step, 'undo'>[],
  send: Send,
  timeoutMs: number,
): TakeBack {
  const recording = pLimit(MAX_CONCURRENT);
  const undoing = pLimit(MAX_CONCURRENT);
  const undos = steps.flatMap(({ undo }) => undo ?? []).reverse();

  const undoAll = async (order: Order, scope: Scope) => {
    const failures: unknown[] = [];
    for (const undo of undos) {
      try {
        await send({ ...undo(order), timeoutMs }, scope);
      } catch (error) {
        failures.push(error); // One that cannot be undone yet holds up no other, the payment's void least.
      }
    }
    if (failures.length > 0) throw failures[0];
  };

  return async (order, scope) => {
    if (!(await recording(() => attempts.fail(order)))) return;
    await undoing(() => undoAll(order, scope));
    await attempts.strikeOut(order);
  };
}
