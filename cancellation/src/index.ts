export {
  Cancellation,
  type Cause,
  ClientDisconnected,
  causeOf,
  DeadlineExceeded,
  ShuttingDown,
} from './cause.ts';
export { BUDGET_HEADER, budgetHeaders, readBudgetMs, withTimeout } from './deadline.ts';
export { GracefulShutdown } from './graceful-shutdown.ts';
export { requestScope } from './request-signal.ts';
export { MAX_TIMER_MS, Scope } from './scope.ts';
