import { readBudgetMs } from './budget.ts';
import { ClientDisconnected } from './cause.ts';
import type { ServedRequest, ServedResponse } from './connections.ts';
import { ABORTED_TIMEOUT_MS, type GracefulShutdown } from './graceful-shutdown.ts';
import { Scope } from './scope.ts';

/**
 * The scope of a request. Its signal aborts when the client hangs up before `res.end()`
 * (ClientDisconnected), when the caller's budget is spent (DeadlineExceeded), or when `shutdown` has
 * waited long enough (ShuttingDown); at once if that has happened already. End it with the handler.
 * Read or drain the request's body first: Node sees no hang-up behind a body that nobody reads.
 */
export function requestScope(
  req: ServedRequest,
  res: ServedResponse,
  shutdown?: GracefulShutdown,
): Scope {
  return openScope(req, res, shutdown);
}

/** Like requestScope; `endsItself`: the scope ends with the answer, or a second after a hang-up. */
export function openScope(
  req: ServedRequest,
  res: ServedResponse,
  shutdown: GracefulShutdown | undefined,
  endsItself = false,
): Scope {
  // HTTP/2 has a stream a request, HTTP/1 a socket that pipelined requests share.
  const carrier = 'stream' in req ? req.stream : req.socket;
  const end = () => scope[Symbol.dispose]();
  // HTTP/2 says 'finish' also of a stream that its client has reset.
  const endAnswered = () => res.writableEnded && end();
  let endTimer: NodeJS.Timeout | undefined;
  const release = () => {
    carrier.off('close', hangUp);
    res.off('finish', endAnswered);
    clearTimeout(endTimer);
    unregister?.();
  };
  const scope = new Scope(readBudgetMs(req.headers), release, { request: req });
  const unregister = shutdown?.register(scope);
  // Not the request's close (it comes as soon as a body has been read) nor the response's (through
  // Node 24.15 it never comes to a pipelined one): only the socket's tells a hang-up every time.
  // After the answer it tells none: often it is the server itself that closes then.
  const hangUp = () => {
    if (!res.writableEnded) scope.abort(new ClientDisconnected());
    // No event tells when its handler has ended, unless that ends the scope.
    if (endsItself) endTimer = setTimeout(end, ABORTED_TIMEOUT_MS).unref();
  };
  carrier.setMaxListeners(0); // From eleven listeners on Node would warn.
  if (endsItself) res.once('finish', endAnswered);
  if (carrier.destroyed) hangUp();
  else carrier.once('close', hangUp);
  if (endsItself && res.writableEnded) end(); // 'finish' may have been.
  return scope;
}
