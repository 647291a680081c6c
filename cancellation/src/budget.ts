import type { IncomingHttpHeaders } from 'node:http';
import { MAX_TIMER_MS, Scope } from './scope.ts';

/**
 * The header that carries the budget: the whole milliseconds that the caller will still wait. It is
 * what Envoy and Istio set; being relative, it needs no agreement between clocks.
 */
export const BUDGET_HEADER = 'x-envoy-expected-rq-timeout-ms';

/** The caller's budget in milliseconds; Infinity if it sent none, or none that can be understood. */
export function readBudgetMs(headers: IncomingHttpHeaders): number {
  const value = headers[BUDGET_HEADER];
  if (typeof value !== 'string' || !/^\d+$/.test(value)) return Number.POSITIVE_INFINITY;
  const budgetMs = Number(value);
  return budgetMs <= MAX_TIMER_MS ? budgetMs : Number.POSITIVE_INFINITY;
}

/** What is left of `scope` as headers for the next hop, rounded down; none without a deadline. */
export function budgetHeaders(scope: Scope): Record<string, string> {
  const { remainingMs } = scope;
  return remainingMs > MAX_TIMER_MS ? {} : { [BUDGET_HEADER]: String(Math.floor(remainingMs)) };
}

/**
 * A child scope: it aborts when `parent` does, for the same reason, or after `timeoutMs`
 * milliseconds with DeadlineExceeded. It can shorten the parent's deadline and never extends it.
 */
export function withTimeout(parent: Scope, timeoutMs: number): Scope {
  const { signal } = parent;
  const follow = () => child.abort(signal.reason);
  const timeLeftMs = signal.aborted ? undefined : Math.min(timeoutMs, parent.remainingMs);
  const child = new Scope(timeLeftMs, () => signal.removeEventListener('abort', follow));
  // A listener added after the abort never fires.
  if (signal.aborted) follow();
  else signal.addEventListener('abort', follow, { once: true });
  return child;
}
