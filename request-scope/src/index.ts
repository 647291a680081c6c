export {
  BUDGET_HEADER,
  type BudgetHeader,
  type BudgetOptions,
  budgetHeaders,
  readBudgetMs,
} from './budget.ts';
export {
  Cancellation,
  ClientDisconnected,
  ConnectionClosed,
  causeOf,
  DeadlineExceeded,
  isCancellation,
  ShuttingDown,
} from './cause.ts';
export { type AttachOptions, GracefulShutdown } from './graceful-shutdown.ts';
export { requestScope, type ScopeOptions } from './request-scope.ts';
export {
  Scope,
  type ScopeAborted,
  type ScopeBegun,
  type ScopeEnded,
  type ScopeView,
  withTimeout,
} from './scope.ts';
