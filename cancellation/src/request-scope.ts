import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { readBudgetMs } from './budget.ts';
import { ClientDisconnected } from './cause.ts';
import type { GracefulShutdown } from './graceful-shutdown.ts';
import { Scope } from './scope.ts';

/**
 * The scope of a request. Its signal aborts when the client hangs up before `res.end()` was called
 * (ClientDisconnected), when the caller's budget is spent (DeadlineExceeded), or when `shutdown` has
 * waited long enough (ShuttingDown); at once if that has happened already. End it when the handler
 * ends.
 *
 * Read or drain the request's body first: Node sees no hang-up behind a body that nobody reads.
 */
export function requestScope(
  req: IncomingMessage,
  res: ServerResponse,
  shutdown?: GracefulShutdown,
): Scope {
  const { socket } = req;
  const scope = new Scope(readBudgetMs(req.headers), () => {
    socket.off('close', hangUp);
    makeRoom(socket, -1);
    leave?.();
  });
  const leave = shutdown?.register(scope);
  // Not the request's close (it comes as soon as a body has been read) nor the response's (through
  // Node 22 it never comes to a pipelined request): only the socket's tells a hang-up every time.
  const hangUp = () => {
    // Once the answer is complete, it is often the server itself that closes.
    if (!res.writableEnded) scope.abort(new ClientDisconnected());
  };
  if (socket.destroyed) hangUp();
  makeRoom(socket, 1);
  socket.once('close', hangUp);
  return scope;
}

/** Pipelined requests share a socket, so each listener makes room for itself; 0 means no limit. */
function makeRoom(socket: Socket, listeners: number): void {
  const max = socket.getMaxListeners();
  if (max > 0) socket.setMaxListeners(max + listeners);
}
