import type { IncomingHttpHeaders } from 'node:http';
import { MAX_TIMER_MS, type ScopeView } from './scope.ts';

/**
 * The header for the budget: the whole milliseconds that the caller will still wait. The time is relative,
 * so clocks need not agree. Envoy and Istio set the same header.
 */
export const BUDGET_HEADER = 'x-envoy-expected-rq-timeout-ms';

const NO_BUDGET = Number.POSITIVE_INFINITY;

/** The caller's budget in milliseconds: the smallest valid one that was sent, or Infinity if there is none. */
export function readBudgetMs(headers: IncomingHttpHeaders): number {
  const sent = headers[BUDGET_HEADER];
  if (sent === undefined) return NO_BUDGET;
  const budgetsMs = String(sent)
    .split(',')
    .map((value) => value.trim())
    .filter((value) => /^\d+$/.test(value))
    .map(Number)
    .filter((budgetMs) => budgetMs <= MAX_TIMER_MS);
  return Math.min(NO_BUDGET, ...budgetsMs);
}

/**
 * Headers that pass the remaining time of `scope` on to the next hop, or none if it has no deadline. The
 * value is at least 1, because Envoy reads 0 as no limit.
 */
export function budgetHeaders({ remainingMs }: ScopeView): Record<string, string> {
  if (remainingMs > MAX_TIMER_MS) return {};
  return { [BUDGET_HEADER]: String(Math.max(1, Math.floor(remainingMs))) };
}
