/// <reference types="node" preserve="true" />
import { setMaxListeners } from 'node:events';
import { type Cancellation, DeadlineExceeded } from './cause.ts';
import * as events from './events.ts';

/** The longest delay of a Node timer, in milliseconds; a longer one fires after 1 ms. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * A piece of work with one signal and at most one deadline. Whoever creates a scope ends it, with
 * `using` or in `finally`; that clears its timer and its listener and never aborts anything.
 */
export class Scope implements Disposable {
  readonly #controller = new AbortController();
  readonly #startedAt = performance.now();
  readonly #deadline: number;
  readonly #timer: NodeJS.Timeout | undefined;
  #release: (() => void) | undefined;
  #hasEnded = false;
  readonly signal: AbortSignal = this.#controller.signal;

  /**
   * Aborts with DeadlineExceeded after `timeoutMs`; what is no number is a RangeError. `release` is for
   * its end, `origin` for whoever listens to its events.
   */
  constructor(timeoutMs = Number.POSITIVE_INFINITY, release?: () => void, origin?: events.Origin) {
    if (typeof timeoutMs !== 'number' || Number.isNaN(timeoutMs)) {
      throw new RangeError(`timeoutMs must be a number, it is ${timeoutMs}`);
    }
    setMaxListeners(0, this.signal); // Many calls may follow one signal; from eleven on Node warns.
    this.#release = release;
    this.#deadline = this.#startedAt + timeoutMs;
    if (events.begun.hasSubscribers) events.begun.publish({ ...origin, scope: this });
    if (timeoutMs <= 0) this.abort(new DeadlineExceeded());
    else if (timeoutMs !== Number.POSITIVE_INFINITY) {
      const delayMs = Math.min(Math.ceil(timeoutMs), MAX_TIMER_MS);
      this.#timer = setTimeout(() => this.abort(new DeadlineExceeded()), delayMs);
    }
  }

  /** Milliseconds until the deadline: 0 once it has passed, Infinity without one. */
  get remainingMs(): number {
    return Math.max(0, this.#deadline - performance.now());
  }

  /** Whole milliseconds since the scope began. */
  get elapsedMs(): number {
    return Math.round(performance.now() - this.#startedAt);
  }

  /** Aborts the signal; the first reason stays. */
  abort(reason: Cancellation): void {
    if (events.aborted.hasSubscribers && !this.signal.aborted) {
      events.aborted.publish({ scope: this, code: reason.code, elapsedMs: this.elapsedMs });
    }
    this.#controller.abort(reason);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#release?.();
    this.#release = undefined;
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    if (events.ended.hasSubscribers) {
      events.ended.publish({ scope: this, elapsedMs: this.elapsedMs });
    }
  }
}
