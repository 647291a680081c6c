export { BUDGET_HEADER, budgetHeaders, readBudgetMs, withTimeout } from './budget.ts';
export {
  Cancellation,
  ClientDisconnected,
  ConnectionClosed,
  causeOf,
  DeadlineExceeded,
  isCancellation,
  ShuttingDown,
} from './cause.ts';
export { GracefulShutdown } from './graceful-shutdown.ts';
export { requestScope } from './request-scope.ts';
export {
  MAX_TIMER_MS,
  Scope,
  type ScopeAborted,
  type ScopeBegun,
  type ScopeEnded,
} from './scope.ts';
