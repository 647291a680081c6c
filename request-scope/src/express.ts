import type { IncomingMessage, ServerResponse } from 'node:http';
import type { GracefulShutdown } from './graceful-shutdown.ts';
import { prepareScope } from './scope-of.ts';

export { scopeOf } from './scope-of.ts';

/** Express middleware that gives each request a scope, for `scopeOf(res)`; a drain of `shutdown` waits for it. */
export function requestScopes(shutdown?: GracefulShutdown) {
  return (req: IncomingMessage, res: ServerResponse, next: () => void): void => {
    prepareScope(req, res, shutdown);
    next();
  };
}
