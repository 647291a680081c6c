import type { ServedRequest, ServedResponse } from './connections.ts';
import type { GracefulShutdown } from './graceful-shutdown.ts';
import { openScope } from './request-scope.ts';
import type { Scope } from './scope.ts';

interface Served {
  req: ServedRequest;
  shutdown: GracefulShutdown | undefined;
  scope?: Scope;
}

/** A property, since a WeakMap with an entry a request costs the collector more than the request. */
const SERVED: unique symbol = Symbol('served');

type ServedWithScope = ServedResponse & { [SERVED]?: Served };

/** Lets scopeOf open a scope for `req`. */
export function prepareScope(
  req: ServedRequest,
  res: ServedWithScope,
  shutdown?: GracefulShutdown,
): void {
  res[SERVED] = { req, shutdown };
}

/**
 * The scope of the request that `res` answers. The first call opens it: make it when the body has been
 * read. It ends with the answer; after a hang-up a drain waits for its handler for a second, or until
 * that ends the scope: `using scope = scopeOf(res)`. Throws if requestScopes is not in use.
 */
export function scopeOf(res: ServedWithScope): Scope {
  const served = res[SERVED];
  if (!served) throw new Error('There is no scope for this request: use requestScopes first');
  served.scope ??= openScope(served.req, res, served.shutdown, true);
  return served.scope;
}
