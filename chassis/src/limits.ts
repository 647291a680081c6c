import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Requests beyond a timeout are answered 408, larger headers 431. The server keeps idle connections open longer
 * than the services' clients do: if it closed first, it could cut off a request.
 */
const REQUEST_LIMITS: ServerOptions = {
  maxHeaderSize: 16 * 1024,
  headersTimeout: 20_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 1_000,
  keepAliveTimeout: 10_000,
};

/** Open connections. The server closes any further one without reading from it. */
const MAX_CONNECTIONS = 10_000;

/**
 * Connections that wait to be accepted. The kernel allows no more than its `net.core.somaxconn`. A busy process accepts
 * one per turn of its event loop (libuv does not accept in a loop), so Node's default of 511 overflows in a burst.
 */
export const BACKLOG = 65_535;

/** How long a client may read no byte of a pending answer. */
const UNREAD_ANSWER_TIMEOUT_MS = 30_000;

/** How often progress is checked within that time. */
const CHECKS = 60;

/** Makes a server that bounds the time and size of requests, and the number of connections. */
export function createLimitedServer(
  listener: RequestListener,
  maxConnections = MAX_CONNECTIONS,
): Server {
  const server = createServer(REQUEST_LIMITS, listener);
  server.maxConnections = maxConnections;
  // 0: no limit. By default Node silently drops headers after the 2,000th; maxHeaderSize bounds them all.
  server.maxHeadersCount = 0;
  cutUnreadAnswers(server);
  return server;
}

/**
 * Closes a connection of `server` when its client has read nothing of a pending answer for `timeoutMs`
 * milliseconds. The time during which an answer is still being made does not count. `server.timeout` can
 * take twice as long: it checks only when time is up, and starts again if anything was read since it began.
 */
export function cutUnreadAnswers(server: Server, timeoutMs = UNREAD_ANSWER_TIMEOUT_MS): void {
  const connections = new Map<Socket, { unsentBytes: number; unchanged: number }>();
  let timer: NodeJS.Timeout | undefined;
  // Counts checks, not time: while the process is stopped, no client can make progress.
  const check = () => {
    for (const [socket, seen] of connections) {
      const unsentBytes = unsentBytesOf(socket);
      const isUnchanged = unsentBytes > 0 && unsentBytes === seen.unsentBytes;
      seen.unchanged = isUnchanged ? seen.unchanged + 1 : 0;
      seen.unsentBytes = unsentBytes;
      if (seen.unchanged >= CHECKS) socket.destroy();
    }
  };
  server.on('connection', (socket: Socket) => {
    timer ??= setInterval(check, timeoutMs / CHECKS).unref();
    connections.set(socket, { unsentBytes: 0, unchanged: 0 });
    socket.once('close', () => {
      connections.delete(socket);
      if (connections.size > 0) return;
      clearInterval(timer);
      timer = undefined;
    });
  });
}

/**
 * The bytes of the current write that the operating system has not accepted yet. `writableLength` counts
 * a write as a whole until it ends, so a slow reader would seem to read nothing. net.Socket asks its handle
 * for the same reason.
 */
function unsentBytesOf(socket: Socket): number {
  if (socket.writableLength === 0) return 0;
  return Object(Reflect.get(socket, '_handle')).writeQueueSize ?? 0;
}
