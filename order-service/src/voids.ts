import { setTimeout as sleep } from 'node:timers/promises';
import { Scope, ShuttingDown } from 'request-scope';
import { Semaphore } from 'request-scope-pg/semaphore';
import type { Attempts } from './attempts/attempts.ts';
import { type OrderVoid, orderVoid } from './events.ts';
import type { Order } from './order.ts';
import { OrderFailed } from './order-failed.ts';
import type { Send, Step } from './step.ts';

/** The longest pause before the first retry. The limit doubles with each retry, up to the longest of all. */
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5_000;

/** How many orders are recorded as failed, and how many are undone, at a time. The others wait. */
const MAX_CONCURRENT = 200;

/**
 * Tries once to undo the steps of an order. Resolves when every undo is acknowledged.
 * @throws {OrderFailed} if one is not. It can be called again.
 */
export type UndoOrder = (order: Order, scope: Scope) => Promise<void>;

/**
 * Makes an UndoOrder for orders of these steps. Each undo may take `timeoutMs` milliseconds. If the attempt is
 * already recorded as processed, only the acknowledgement of that record was lost, and nothing is undone.
 */
export function createUndoOrder(
  attempts: Attempts,
  steps: readonly Pick<Step, 'undo'>[],
  send: Send,
  timeoutMs: number,
): UndoOrder {
  // Two queues, so that a failure is on record at once for a caller that asks, however many voids wait.
  const recording = new Semaphore(MAX_CONCURRENT);
  const undoing = new Semaphore(MAX_CONCURRENT);
  const undos = steps.flatMap(({ undo }) => undo ?? []).reverse();

  const undoSteps = async (order: Order, scope: Scope) => {
    const failures: unknown[] = [];
    for (const undo of undos) {
      try {
        await send({ ...undo(order), timeoutMs }, scope);
      } catch (error) {
        failures.push(error); // An undo that fails must not hold up the others, least of all the payment's void.
      }
    }
    if (failures.length > 0) throw failures[0];
  };

  return async (order, scope) => {
    if (!(await recording.run(() => attempts.fail(order)))) return;
    await undoing.run(() => undoSteps(order, scope));
    await attempts.close(order);
  };
}

export interface VoidOptions {
  /**
   * A void that has been pending for this many milliseconds, or for `rememberedMs` if that is less, is
   * reported. It is still retried.
   */
  giveUpMs: number;
  /**
   * How many milliseconds the payment service is sure to remember the payment. A later acknowledgement proves
   * nothing.
   */
  rememberedMs: number;
  /** Waits before the next retry, and rejects when `signal` aborts. Default: a timer. */
  pause?: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Whether pending voids are on record, so that another process recovers them if this one ends. */
  isDurable?: boolean;
}

interface PendingVoid {
  order: Order;
  scope: Scope;
  /** Whether a log line says that the outcome of the payment is unknown. */
  isReported: boolean;
  settled: Promise<unknown>;
}

/** Voids payments whose outcome is unknown, in the background, after the answer. */
export class Voids {
  readonly #undoOrder: UndoOrder;
  readonly #options: VoidOptions;
  readonly #pending = new Map<string, PendingVoid>();

  constructor(undoOrder: UndoOrder, options: VoidOptions) {
    this.#undoOrder = undoOrder;
    this.#options = options;
  }

  /** The number of pending voids. */
  get size(): number {
    return this.#pending.size;
  }

  /** Whether the void of the payment with this key is pending. */
  has(paymentKey: string): boolean {
    return this.#pending.has(paymentKey);
  }

  /**
   * Undoes an order that failed but may have been charged (see place-order.ts), or that another process
   * abandoned (see recover.ts). Retries until every undo is acknowledged. If that takes too long, or if the
   * service stops first and the void is not durable, one log line at level error records that the payment has
   * to be reconciled.
   */
  add(order: Order): void {
    const { paymentKey } = order;
    if (this.has(paymentKey)) return;
    // Not derived from the request's scope, which has aborted: that is why the void is needed.
    const scope = new Scope();
    const pending: PendingVoid = { order, scope, isReported: false, settled: Promise.resolve() };
    const event: OrderVoid = { order };
    pending.settled = orderVoid
      .tracePromise(() => this.#settle(pending), event)
      .finally(() => {
        scope[Symbol.dispose]();
        this.#pending.delete(paymentKey);
      });
    this.#pending.set(paymentKey, pending);
  }

  /** Resolves when no void is pending. Voids that are still pending when `signal` aborts are given up. */
  async finish(signal: AbortSignal): Promise<void> {
    const giveUp = () => {
      for (const { scope } of this.#pending.values()) scope.abort(new ShuttingDown());
    };
    signal.addEventListener('abort', giveUp, { once: true });
    if (signal.aborted) giveUp();
    await Promise.all([...this.#pending.values()].map(({ settled }) => settled));
  }

  /** Reports the pending voids at once, unless they are durable: for a process that ends before they settle. */
  reportPending(): void {
    if (this.#options.isDurable) return;
    for (const pending of this.#pending.values()) report(pending, 'shutting-down');
  }

  /** Resolves to whether the void was acknowledged. */
  async #settle(pending: PendingVoid): Promise<boolean> {
    const { order, scope } = pending;
    const { giveUpMs, rememberedMs, isDurable } = this.#options;
    const reportAfterMs = Math.min(giveUpMs, rememberedMs);
    const overdue = setTimeout(report, reportAfterMs, pending, 'deadline-exceeded');
    const isAcknowledged = await this.#retry(order, scope);
    clearTimeout(overdue);
    if (!isAcknowledged && !isDurable) report(pending, 'shutting-down');
    else if (isAcknowledged && pending.isReported && scope.elapsedMs < rememberedMs)
      order.log.info(`Payment voided after all for order: ${order.orderID}`);
    return isAcknowledged;
  }

  /** Retries until the void is acknowledged (true) or `scope` aborts (false). */
  async #retry(order: Order, scope: Scope): Promise<boolean> {
    const { signal } = scope;
    const { pause = timer } = this.#options;
    let pauseMs = FIRST_PAUSE_MS;
    for (; !(await this.#try(order, scope)); pauseMs = longer(pauseMs)) {
      const jitter = (1 + Math.random()) / 2;
      await pause(pauseMs * jitter, signal).catch(() => {});
      if (signal.aborted) return false;
    }
    return true;
  }

  /** Resolves to whether one try was acknowledged. */
  async #try(order: Order, scope: Scope): Promise<boolean> {
    try {
      await this.#undoOrder(order, scope);
      return true;
    } catch (error) {
      if (!(error instanceof OrderFailed)) order.log.error({ err: error }, 'Internal error');
      return false;
    }
  }
}

/** Logs, once, that the payment has to be reconciled. */
function report(pending: PendingVoid, cause: string): void {
  const { orderID, log } = pending.order;
  if (!pending.isReported) log.error({ cause }, `Payment outcome unknown for order: ${orderID}`);
  pending.isReported = true;
}

const timer = (ms: number, signal: AbortSignal) => sleep(ms, undefined, { signal });

const longer = (pauseMs: number) => Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
