import { once } from 'node:events';
import type { Server, ServerOptions, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Request, RequestHandler } from 'express';
import createError from 'http-errors';
import { ClientDisconnected } from '#request-scope';
import { scopeOf } from '#request-scope/express';

/**
 * What a request may take: past a timeout it gets 408, past the size of its headers 431. An idle
 * connection stays longer than our clients keep theirs: the side that sends must be the one to close.
 */
export const REQUEST_LIMITS: ServerOptions = {
  maxHeaderSize: 16 * 1024,
  headersTimeout: 20_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 1_000,
  keepAliveTimeout: 10_000,
};

/** Connections at a time; one more is closed unread. */
export const MAX_CONNECTIONS = 10_000;

/** Connections that wait to be accepted. Node's own limit, 511, would drop some of a crowd's. */
export const BACKLOG = 4_096;

/** Of a request; a larger body gets 413. */
const MAX_BODY_BYTES = 8 * 1024 * 1024;

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

/**
 * Nobody needs a body, but behind one that is not read Node sees no hang-up. Too large a one is 413; one
 * that takes longer than the request may is a cancellation.
 */
export const drainBody: RequestHandler = (req, res, next) => {
  const { 'content-length': length = '0', 'transfer-encoding': encoding } = req.headers;
  if (length === '0' && !encoding) return next();
  const scope = scopeOf(res);
  const refuse = (error: unknown) => {
    scope[Symbol.dispose]();
    res.set('Connection', 'close'); // The rest of the body may still come.
    next(error);
  };
  Promise.race([drained(req), aborted(scope.signal)]).then(next, refuse);
};

/** Rejects with the reason of `signal` when it aborts. */
async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
  throw signal.reason;
}

async function drained(req: Request): Promise<void> {
  let bytes = 0;
  try {
    for await (const chunk of req.iterator({ destroyOnReturn: false })) {
      bytes += chunk.length;
      if (bytes > MAX_BODY_BYTES) break;
    }
  } catch {
    throw new ClientDisconnected();
  }
  if (bytes > MAX_BODY_BYTES) throw createError(413, 'Body is too large');
}
