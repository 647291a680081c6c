import type { IncomingMessage } from 'node:http';
import { ClientDisconnected } from './cause.ts';
import { readBudgetMs } from './deadline.ts';
import type { GracefulShutdown } from './graceful-shutdown.ts';
import { Scope } from './scope.ts';

/**
 * The scope of a request. Its signal aborts when the client hangs up (ClientDisconnected), when the
 * caller's budget is spent (DeadlineExceeded), or when `shutdown` has waited long enough
 * (ShuttingDown); at once if that has happened already. End it when the handler ends.
 *
 * Read or drain the request's body first: Node sees no hang-up behind a body that nobody reads.
 */
export function requestScope(req: IncomingMessage, shutdown?: GracefulShutdown): Scope {
  const { socket } = req;
  const scope = new Scope(readBudgetMs(req.headers));
  const leave = shutdown?.enter(scope);
  // Not the request's close (it comes as soon as a body has been read) nor the response's (through
  // Node 22 it never comes to a pipelined request): only the socket's tells a hang-up every time.
  const hangUp = () => scope.abort(new ClientDisconnected());
  if (socket.destroyed) hangUp();
  // Pipelined requests share a socket: each listener makes room for itself.
  socket.setMaxListeners(socket.getMaxListeners() + 1);
  socket.once('close', hangUp);
  scope.onEnd(() => {
    socket.off('close', hangUp);
    socket.setMaxListeners(socket.getMaxListeners() - 1);
    leave?.();
  });
  return scope;
}
