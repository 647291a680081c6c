import type { IncomingMessage, ServerResponse } from 'node:http';
import { readBudgetMs } from './budget.ts';
import { prepareScope, type ScopeOptions } from './request-scope.ts';

export { scopeOf } from './request-scope.ts';

/**
 * Express middleware that gives each request a scope, for `scopeOf(res)`. It returns what `next` does, so that
 * middleware of another framework can pass on its request and response of Node, and await the rest.
 *
 * @returns the middleware, `(req, res, next)`.
 * @throws RangeError if `header` names none.
 */
export function scopes(options: ScopeOptions = {}) {
  readBudgetMs({}, options); // Throws now, not at the first request, if there is no such header.
  return <Result>(req: IncomingMessage, res: ServerResponse, next: () => Result): Result => {
    prepareScope(req, res, options);
    return next();
  };
}
