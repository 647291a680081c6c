/// <reference types="node" preserve="true" />
import { AsyncResource } from 'node:async_hooks';
import { channel } from 'node:diagnostics_channel';
import { setMaxListeners } from 'node:events';
import { type Cancellation, DeadlineExceeded } from './cause.ts';

/** The longest delay of a Node timer, in milliseconds; a longer one fires after 1 ms. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** `timeoutMs` as a timer can wait for it; what is no number is a RangeError. */
export function timerMs(timeoutMs: number): number {
  if (typeof timeoutMs !== 'number' || Number.isNaN(timeoutMs)) {
    throw new RangeError(`timeoutMs must be a number, it is ${timeoutMs}`);
  }
  return Math.min(Math.ceil(timeoutMs), MAX_TIMER_MS);
}

/** What a scope is for: a request, or a part of what `parent` is for; else neither is there. */
export interface Origin {
  request?: object;
  parent?: Scope;
}

/** What `request-scope:begun` tells; `:aborted` tells ScopeAborted, `:ended` ScopeEnded. */
export type ScopeBegun = Origin & { scope: Scope };
export type ScopeAborted = { scope: Scope; code: string; elapsedMs: number };
export type ScopeEnded = { scope: Scope; elapsedMs: number };

const begun = channel('request-scope:begun');
const aborted = channel('request-scope:aborted');
const ended = channel('request-scope:ended');

/**
 * A piece of work with one signal and at most one deadline. Whoever creates a scope ends it, with
 * `using` or in `finally`; that clears its timer and its listener and never aborts anything.
 */
export class Scope implements Disposable {
  readonly #controller = new AbortController();
  /** What AsyncLocalStorage holds where the scope was opened: listeners would have the socket's else. */
  readonly #context = new AsyncResource('Scope');
  readonly #startedAt = performance.now();
  readonly #deadline: number;
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #release: (() => void) | undefined;
  #hasEnded = false;
  readonly signal: AbortSignal = this.#controller.signal;

  /**
   * Aborts with DeadlineExceeded after `timeoutMs`; what is no number is a RangeError. `release` is for
   * its end, `origin` for whoever listens to its events.
   */
  constructor(timeoutMs = Number.POSITIVE_INFINITY, release?: () => void, origin?: Origin) {
    const delayMs = timerMs(timeoutMs);
    setMaxListeners(0, this.signal); // Many calls may follow one signal; from eleven on Node warns.
    this.#release = release;
    this.#deadline = this.#startedAt + timeoutMs;
    if (begun.hasSubscribers) begun.publish({ ...origin, scope: this });
    if (timeoutMs <= 0) this.abort(new DeadlineExceeded());
    else if (timeoutMs !== Number.POSITIVE_INFINITY) {
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

  /**
   * Aborts the signal; the first reason stays. Its listeners run in the context of AsyncLocalStorage in
   * which the scope was opened, whoever aborts it.
   */
  abort(reason: Cancellation): void {
    if (this.signal.aborted) return;
    this.#context.runInAsyncScope(() => {
      if (aborted.hasSubscribers) {
        aborted.publish({ scope: this, code: reason.code, elapsedMs: this.elapsedMs });
      }
      this.#controller.abort(reason);
    });
  }

  [Symbol.dispose](): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    clearTimeout(this.#timer);
    this.#release?.();
    if (ended.hasSubscribers) {
      ended.publish({ scope: this, elapsedMs: this.elapsedMs });
    }
  }
}
