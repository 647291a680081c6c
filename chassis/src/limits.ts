import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * What a client may take: past a timeout it gets 408, past a size 431, then it is cut; a connection
 * too many is closed unread. Idle ones stay longer than our clients keep them: the side that sends
 * must be the one to close. Node's own backlog, 511, would drop some of a crowd's connections.
 */
export const LIMITS = {
  maxHeaderSize: 16 * 1024,
  headersTimeout: 20_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 1_000,
  keepAliveTimeout: 10_000,
  maxConnections: 10_000,
  backlog: 4_096,
};

/** How long a client may take nothing of an answer that waits for it. */
const UNREAD_ANSWER_TIMEOUT_MS = 30_000;

/** Closes a connection of `server` when its client has taken nothing of an answer for `timeoutMs`. */
export function cutUnreadAnswers(server: Server, timeoutMs = UNREAD_ANSWER_TIMEOUT_MS): void {
  server.timeout = timeoutMs;
  server.prependListener('request', (_req, res: ServerResponse) => res.on('timeout', cutIfUnread));
}

/** While an answer is being made nothing moves either, and Node must not close by itself. */
function cutIfUnread(socket: Socket): void {
  if (socket.writableLength > 0) socket.destroy();
}
