import type { IncomingHttpHeaders } from 'node:http';
import { MAX_TIMER_MS, Scope } from './scope.ts';

/**
 * The header that carries the budget: the whole milliseconds that the caller will still wait. It is
 * what Envoy and Istio set; being relative, it needs no agreement between clocks.
 */
export const BUDGET_HEADER = 'x-envoy-expected-rq-timeout-ms';

/**
 * The caller's budget in milliseconds, the smallest if there are several; Infinity if it sent none,
 * or none that can be understood.
 */
export function readBudgetMs(headers: IncomingHttpHeaders): number {
  const sent = headers[BUDGET_HEADER];
  if (sent === undefined) return Number.POSITIVE_INFINITY;
  return Math.min(...String(sent).split(',').map(parseMs));
}

function parseMs(text: string): number {
  const value = text.trim();
  const budgetMs = /^\d+$/.test(value) ? Number(value) : Number.POSITIVE_INFINITY;
  return budgetMs <= MAX_TIMER_MS ? budgetMs : Number.POSITIVE_INFINITY;
}

/**
 * What is left of `scope` as headers for the next hop, rounded down; none without a deadline. Never
 * less than 1: Envoy reads 0 as no limit at all.
 */
export function budgetHeaders(scope: Scope): Record<string, string> {
  const { remainingMs } = scope;
  if (remainingMs > MAX_TIMER_MS) return {};
  return { [BUDGET_HEADER]: String(Math.max(1, Math.floor(remainingMs))) };
}

/**
 * A child scope: it aborts when `parent` does, for the same reason, or after `timeoutMs`
 * milliseconds with DeadlineExceeded. It can shorten the parent's deadline and never extends it.
 * Throws RangeError if `timeoutMs` is not a number.
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
