import type { IncomingHttpHeaders } from 'node:http';
import { MAX_TIMER_MS, Scope } from './scope.ts';

/** The whole milliseconds that the caller will still wait. Relative, so that clocks need not agree. */
export const BUDGET_HEADER = 'x-envoy-expected-rq-timeout-ms';

/** The caller's budget in milliseconds, the smallest of several; Infinity without a valid one. */
export function readBudgetMs(headers: IncomingHttpHeaders): number {
  const sent = String(headers[BUDGET_HEADER] ?? '').match(/(?<=^|,)\s*\d+\s*(?=$|,)/g) ?? [];
  return Math.min(...sent.map(Number).filter((budgetMs) => budgetMs <= MAX_TIMER_MS));
}

/** Headers that tell the next hop what is left of `scope`; at least 1, as Envoy reads 0 as no limit. */
export function budgetHeaders({ remainingMs }: Scope): Record<string, string> {
  if (remainingMs > MAX_TIMER_MS) return {};
  return { [BUDGET_HEADER]: String(Math.max(1, Math.floor(remainingMs))) };
}

/**
 * A child scope: it aborts when `parent` does, for the same reason, or after `timeoutMs`
 * milliseconds with DeadlineExceeded. It can shorten the parent's deadline and never extends it.
 */
export function withTimeout(parent: Scope, timeoutMs: number): Scope {
  const { signal } = parent;
  const follow = () => child.abort(signal.reason);
  const timeLeftMs = signal.aborted ? undefined : Math.min(timeoutMs, parent.remainingMs);
  const unfollow = () => signal.removeEventListener('abort', follow);
  const child = new Scope(timeLeftMs, unfollow, { parent });
  // A listener added after the abort never fires.
  if (signal.aborted) follow();
  else signal.addEventListener('abort', follow, { once: true });
  return child;
}
