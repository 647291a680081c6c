import type { IncomingMessage, ServerResponse } from 'node:http';
import { prepareScope, type ScopeOptions } from './request-scope.ts';

export { scopeOf } from './request-scope.ts';

/** Express middleware that gives each request a scope, for `scopeOf(res)`. */
export function scopes({ shutdown }: ScopeOptions = {}) {
  return (req: IncomingMessage, res: ServerResponse, next: () => void): void => {
    prepareScope(req, res, shutdown);
    next();
  };
}
