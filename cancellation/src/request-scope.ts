import type { IncomingMessage, ServerResponse } from 'node:http';
import { readBudgetMs } from './budget.ts';
import { ClientDisconnected } from './cause.ts';
import type { GracefulShutdown } from './graceful-shutdown.ts';
import { Scope } from './scope.ts';

/**
 * The scope of a request. Its signal aborts when the client hangs up before `res.end()`
 * (ClientDisconnected), when the caller's budget is spent (DeadlineExceeded), or when `shutdown` has
 * waited long enough (ShuttingDown); at once if that has happened already. End it with the handler.
 * Read or drain the request's body first: Node sees no hang-up behind a body that nobody reads.
 */
export function requestScope(
  { headers, socket }: IncomingMessage,
  res: ServerResponse,
  shutdown?: GracefulShutdown,
): Scope {
  const scope = new Scope(readBudgetMs(headers), () => {
    socket.off('close', hangUp);
    unregister?.();
  });
  const unregister = shutdown?.register(scope);
  // Not the request's close (it comes as soon as a body has been read) nor the response's (through
  // Node 22 it never comes to a pipelined request): only the socket's tells a hang-up every time.
  // After the answer it tells none: often it is the server itself that closes then.
  const hangUp = () => res.writableEnded || scope.abort(new ClientDisconnected());
  if (socket.destroyed) hangUp();
  socket.setMaxListeners(0); // Pipelined requests share it; from eleven listeners on Node warns.
  socket.once('close', hangUp);
  return scope;
}
