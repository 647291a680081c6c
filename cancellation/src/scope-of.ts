import type { ServedRequest, ServedResponse } from './connections.ts';
import type { GracefulShutdown } from './graceful-shutdown.ts';
import { openScope } from './request-scope.ts';
import type { Scope } from './scope.ts';

interface Served {
  req: ServedRequest;
  shutdown: GracefulShutdown | undefined;
  scope?: Scope;
}

const served = new WeakMap<ServedResponse, Served>();

/** Lets scopeOf open a scope for `req`. */
export function prepareScope(
  req: ServedRequest,
  res: ServedResponse,
  shutdown?: GracefulShutdown,
): void {
  served.set(res, { req, shutdown });
}

/**
 * The scope of the request that `res` answers. The first call opens it: make it when the body has been
 * read. It ends with the answer; after a hang-up a drain waits for its handler for a second, or until
 * that ends the scope: `using scope = scopeOf(res)`. Throws if requestScopes is not in use.
 */
export function scopeOf(res: ServedResponse): Scope {
  const request = served.get(res);
  if (!request) throw new Error('There is no scope for this request: use requestScopes first');
  request.scope ??= openScope(request.req, res, request.shutdown, true);
  return request.scope;
}
