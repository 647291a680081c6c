import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import type { Socket } from 'node:net';

/**
 * What a request may take: past a timeout it gets 408, past the size of its headers 431. An idle
 * connection stays longer than our clients keep theirs: the side that sends must be the one to close.
 */
const REQUEST_LIMITS: ServerOptions = {
  maxHeaderSize: 16 * 1024,
  headersTimeout: 20_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 1_000,
  keepAliveTimeout: 10_000,
};

/** Connections at a time; one more is closed unread. */
const MAX_CONNECTIONS = 10_000;

/** Connections that wait to be accepted. Node's own limit, 511, would drop some of a crowd's. */
export const BACKLOG = 4_096;

/** How long a client may take nothing of an answer that waits for it. */
const UNREAD_ANSWER_TIMEOUT_MS = 30_000;

/** How often it is looked, in that time, whether the client has taken something. */
const LOOKS = 60;

/** A server for `listener` that bounds what a request, a connection and all of them may take. */
export function createLimitedServer(
  listener: RequestListener,
  maxConnections = MAX_CONNECTIONS,
): Server {
  const server = createServer(REQUEST_LIMITS, listener);
  server.maxConnections = maxConnections;
  // From the 2,000th on Node would drop headers without a word. All of them fit into their size.
  server.maxHeadersCount = 0;
  cutUnreadAnswers(server);
  return server;
}

/**
 * Closes a connection of `server` when its client has taken nothing of an answer for `timeoutMs`. While an
 * answer is being made there is nothing to take. `server.timeout` does not do: it compares a write with
 * itself only when time is up, and begins anew if that has moved since it began.
 */
export function cutUnreadAnswers(server: Server, timeoutMs = UNREAD_ANSWER_TIMEOUT_MS): void {
  const connections = new Map<Socket, { unsentBytes: number; looks: number }>();
  let timer: NodeJS.Timeout | undefined;
  // It counts looks, not time: in a process that stood still nobody could take anything.
  const look = () => {
    for (const [socket, seen] of connections) {
      const unsentBytes = unsentBytesOf(socket);
      seen.looks = unsentBytes > 0 && unsentBytes === seen.unsentBytes ? seen.looks + 1 : 0;
      seen.unsentBytes = unsentBytes;
      if (seen.looks >= LOOKS) socket.destroy();
    }
  };
  server.on('connection', (socket: Socket) => {
    timer ??= setInterval(look, timeoutMs / LOOKS).unref();
    connections.set(socket, { unsentBytes: 0, looks: 0 });
    socket.once('close', () => {
      connections.delete(socket);
      if (connections.size > 0) return;
      clearInterval(timer);
      timer = undefined;
    });
  });
}

/**
 * What the operating system has yet to take of the write that is under way. `writableLength` has that
 * write as a whole until its end, so a client that reads slowly would seem to read nothing; net.Socket
 * looks at its handle for the same reason.
 */
function unsentBytesOf(socket: Socket): number {
  if (socket.writableLength === 0) return 0;
  return Object(Reflect.get(socket, '_handle')).writeQueueSize ?? 0;
}
