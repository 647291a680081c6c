import type { IncomingMessage, ServerResponse } from 'node:http';
import { readBudgetMs } from './budget.ts';
import { prepareScope, type ScopeOptions } from './request-scope.ts';

export { scopeOf } from './request-scope.ts';

/**
 * Express middleware that gives each request a scope, for `scopeOf(res)`.
 *
 * @throws {RangeError} if `header` names none.
 */
export function scopes(options: ScopeOptions = {}) {
  readBudgetMs({}, options); // Throws now, not at the first request, if there is no such header.
  return (req: IncomingMessage, res: ServerResponse, next: () => void): void => {
    prepareScope(req, res, options);
    next();
  };
}
