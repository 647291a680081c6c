import type { GracefulShutdown } from './graceful-shutdown.ts';
import { openScope, type ServedRequest, type ServedResponse } from './request-scope.ts';
import type { Scope } from './scope.ts';

const openers = new WeakMap<ServedResponse, () => Scope>();

/** Lets scopeOf open a scope for `req`. */
export function prepareScope(
  req: ServedRequest,
  res: ServedResponse,
  shutdown?: GracefulShutdown,
): void {
  openers.set(res, () => {
    const scope = openScope(req, res, shutdown, true);
    openers.set(res, () => scope);
    return scope;
  });
}

/**
 * The scope of the request that `res` answers: opened by the first call, and ended with the answer or the
 * connection. A handler that goes on after a hang-up, and that a drain shall wait for, ends it itself:
 * `using scope = scopeOf(res)`. Call it when the body has been read. Throws if requestScopes is not in use.
 */
export function scopeOf(res: ServedResponse): Scope {
  const open = openers.get(res);
  if (!open) throw new Error('There is no scope for this request: use requestScopes first');
  return open();
}
