import { Answer } from './answer.ts';
import { readBudgetMs } from './budget.ts';
import { ClientDisconnected, ConnectionClosed } from './cause.ts';
import type { ServedRequest, ServedResponse } from './connections.ts';
import type { GracefulShutdown } from './graceful-shutdown.ts';
import { Scope } from './scope.ts';

/**
 * The scope of a request. Its signal aborts when the client hangs up before `res.end()`
 * (ClientDisconnected), when the service itself closes the connection before that (ConnectionClosed), when
 * the caller's budget is spent (DeadlineExceeded), or when `shutdown` has waited long enough
 * (ShuttingDown); at once if that has happened already. End it with the handler.
 * Read or drain the request's body first: Node sees no hang-up behind a body that nobody reads.
 */
export function requestScope(
  req: ServedRequest,
  res: ServedResponse,
  shutdown?: GracefulShutdown,
): Scope {
  return openScope(req, new Answer(req, res), shutdown);
}

/** `onOver` is called when the connection or stream has ended, `release` at the end of the scope. */
export function openScope(
  req: ServedRequest,
  answer: Answer,
  shutdown: GracefulShutdown | undefined,
  { onOver, release }: { onOver?: (scope: Scope) => void; release?: () => void } = {},
): Scope {
  const releaseAll = () => {
    answer.forget();
    unregister?.();
    release?.();
  };
  const scope = new Scope(readBudgetMs(req.headers), releaseAll, { request: req });
  const unregister = shutdown?.register(scope);
  answer.onOver = () => {
    if (answer.cutBy === 'client') scope.abort(new ClientDisconnected());
    if (answer.cutBy === 'server') scope.abort(new ConnectionClosed());
    onOver?.(scope);
  };
  if (answer.isOver) answer.onOver();
  return scope;
}
