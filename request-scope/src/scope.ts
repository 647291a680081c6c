/// <reference types="node" preserve="true" />
import { AsyncResource } from 'node:async_hooks';
import { channel } from 'node:diagnostics_channel';
import { setMaxListeners } from 'node:events';
import { asCancellation, type Cancellation, causeOf, DeadlineExceeded } from './cause.ts';

/** The longest delay of a Node timer, in milliseconds; a longer one fires after 1 ms. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * `timeoutMs` as a delay that a Node timer accepts.
 *
 * @throws RangeError if `timeoutMs` is not a number.
 */
export function timerMs(timeoutMs: number): number {
  if (typeof timeoutMs !== 'number' || Number.isNaN(timeoutMs)) {
    throw new RangeError(`timeoutMs must be a number, it is ${timeoutMs}`);
  }
  return Math.min(Math.ceil(timeoutMs), MAX_TIMER_MS);
}

/**
 * A scope as a callee should take it: when to stop, and how much time is left. By this type a callee cannot
 * abort or end the scope of its caller.
 */
export interface ScopeView {
  /** Aborts when the work must stop; its reason says why. */
  readonly signal: AbortSignal;
  /** Milliseconds until the deadline: 0 once it has passed, Infinity without one. */
  readonly remainingMs: number;
}

/** Where a scope comes from. */
export interface Origin {
  request?: object;
  parent?: ScopeView;
}

/**
 * The message on the channel `request-scope:begun`. `request` is the request that the scope was opened for, of Node or
 * web-standard; `parent` is what a child follows. A scope made by `new Scope()` has neither.
 */
export type ScopeBegun = Origin & { scope: Scope };
/** The message on the channel `request-scope:aborted`, with the code of its Cancellation. */
export type ScopeAborted = {
  scope: Scope;
  code: string;
  /** Whole milliseconds since the scope began. */
  elapsedMs: number;
};
/** The message on the channel `request-scope:ended`. */
export type ScopeEnded = {
  scope: Scope;
  /** Whole milliseconds since the scope began. */
  elapsedMs: number;
};

const begun = channel('request-scope:begun');
const aborted = channel('request-scope:aborted');
const ended = channel('request-scope:ended');

/** Opens a scope that has an origin; `onEnd` is called when it ends. */
export let openScope: (timeoutMs: number | undefined, origin: Origin, onEnd: () => void) => Scope;

/**
 * A piece of work with one signal and at most one deadline. The code that creates a scope ends it, with
 * `using` or in `finally`. Ending a scope clears its timer and its listeners; it never aborts.
 */
export class Scope implements ScopeView, Disposable {
  /** Passes these to the constructor, which in public takes only the timeout. */
  static #opening: { origin?: Origin; onEnd?: () => void } | undefined;

  static {
    openScope = (timeoutMs, origin, onEnd) => {
      Scope.#opening = { origin, onEnd };
      return new Scope(timeoutMs);
    };
  }

  readonly #controller = new AbortController();
  /** Abort listeners run in the AsyncLocalStorage context in which the scope was opened, not in the socket's. */
  readonly #context = new AsyncResource('Scope');
  readonly #startedAt = performance.now();
  readonly #deadline: number;
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #onEnd: (() => void) | undefined;
  #hasEnded = false;
  /** Aborts when the work must stop; its reason is the one that `abort` was called with. */
  readonly signal: AbortSignal = this.#controller.signal;

  /**
   * Aborts with DeadlineExceeded after `timeoutMs` milliseconds; never by itself if that is not set.
   *
   * @throws RangeError if `timeoutMs` is not a number.
   */
  constructor(timeoutMs = Number.POSITIVE_INFINITY) {
    const { origin, onEnd } = Scope.#opening ?? {};
    Scope.#opening = undefined; // Before anything can throw, or construct another scope.
    const delayMs = timerMs(timeoutMs);
    // Many calls may follow one signal; from eleven on Node would warn. Not 0: Node 20 could not read it, and
    // undici's fetch asks.
    setMaxListeners(Number.POSITIVE_INFINITY, this.signal);
    this.#onEnd = onEnd;
    this.#deadline = this.#startedAt + timeoutMs;
    if (begun.hasSubscribers) begun.publish({ ...origin, scope: this });
    if (timeoutMs <= 0) this.abort(new DeadlineExceeded());
    else if (timeoutMs !== Number.POSITIVE_INFINITY) {
      this.#timer = setTimeout(() => this.abort(new DeadlineExceeded()), delayMs);
    }
  }

  get remainingMs(): number {
    return Math.max(0, this.#deadline - performance.now());
  }

  /** Whole milliseconds since the scope began. */
  get elapsedMs(): number {
    return Math.round(performance.now() - this.#startedAt);
  }

  /**
   * A child scope: it aborts when this one does, for the same reason, or after `timeoutMs` milliseconds with
   * DeadlineExceeded. It can shorten the deadline, never extend it. The caller ends it, which `withTimeout`
   * does by itself.
   *
   * @throws RangeError if `timeoutMs` is not a number.
   */
  child(timeoutMs: number): Scope {
    return childOf(this, timeoutMs);
  }

  /**
   * Aborts the signal; the first reason stays. Listeners run in the AsyncLocalStorage context in which the
   * scope was opened, regardless of who aborts it.
   */
  abort(reason: Cancellation): void {
    if (this.signal.aborted) return;
    this.#context.runInAsyncScope(() => {
      if (aborted.hasSubscribers) {
        const { code } = asCancellation(reason); // That of a foreign parent can be any value.
        aborted.publish({ scope: this, code, elapsedMs: this.elapsedMs });
      }
      this.#controller.abort(reason);
    });
  }

  /** Ends the scope: clears its timer and its listeners. Never aborts it. A second call does nothing. */
  [Symbol.dispose](): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    clearTimeout(this.#timer);
    this.#onEnd?.();
    if (ended.hasSubscribers) {
      ended.publish({ scope: this, elapsedMs: this.elapsedMs });
    }
  }
}

function childOf(parent: ScopeView, timeoutMs: number): Scope {
  const { signal } = parent;
  const follow = () => child.abort(signal.reason);
  const unfollow = () => signal.removeEventListener('abort', follow);
  const timeLeftMs = signal.aborted ? undefined : Math.min(timeoutMs, parent.remainingMs);
  const child = openScope(timeLeftMs, { parent }, unfollow);
  // A listener added after the abort never fires.
  if (signal.aborted) follow();
  else signal.addEventListener('abort', follow, { once: true });
  return child;
}

/**
 * Runs `work` under a child of `parent` that aborts after `timeoutMs` milliseconds, ends the child, and
 * resolves with the result. If the child was aborted, by its timeout or with its parent, rejects with the
 * reason, even if `work` ended quietly; `causeOf` describes the errors, such as a TypeError, that are thrown as
 * they are. Waits for `work` even if it ignores the signal, so that no call continues unseen. If `parent` is
 * aborted already, `work` is not called.
 *
 * @param parent a scope, or `{ signal, remainingMs: Infinity }` around the signal of a framework, queue or SDK.
 * @param work gets the child, whose signal it passes on to what it calls.
 * @throws RangeError if `timeoutMs` is not a number.
 */
export async function withTimeout<Result>(
  parent: ScopeView,
  timeoutMs: number,
  work: (child: ScopeView) => Result | PromiseLike<Result>,
): Promise<Result> {
  const child = childOf(parent, timeoutMs);
  const { signal } = child;
  /** Checks the clock too: a timer fires late if the process was stopped or busy. */
  const hasAborted = () => {
    if (child.remainingMs === 0) child.abort(new DeadlineExceeded());
    return signal.aborted;
  };
  try {
    signal.throwIfAborted();
    const result = await work(child);
    if (hasAborted()) throw signal.reason;
    return result;
  } catch (error) {
    throw (hasAborted() && causeOf(error, child)) || error;
  } finally {
    child[Symbol.dispose](); // `using` would add a kilobyte of helpers.
  }
}
