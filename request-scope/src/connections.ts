import type { EventEmitter } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type * as http2 from 'node:http2';
import { Server as NetServer, type Socket } from 'node:net';
import { closeWithAnswer } from './close-with-answer.ts';

/** A server of node:http, node:https or node:http2, and the request and response of its listener. */
export type AnyServer = Server | http2.Http2Server | http2.Http2SecureServer;
export type ServedRequest = IncomingMessage | http2.Http2ServerRequest;
export type ServedResponse = ServerResponse | http2.Http2ServerResponse;

/** How many pipelined requests may be unanswered on one connection; one more closes it. */
const MAX_PENDING = 100;

/** How long a request may be in transit on a connection whose client was not told to close it. */
const IN_TRANSIT_MS = 100;

type Pending = ServerResponse | http2.ServerHttp2Stream;

interface Connection {
  openedAt: number;
  /** Responses whose last byte the operating system has not taken yet. */
  pending: Set<Pending>;
  /** `bytesRead` after the last request: a larger value means that another request has begun. */
  requestedBytes: number;
  /** Runs while a last request may be in transit. */
  closing?: NodeJS.Timeout | undefined;
}

/**
 * Follows the connections of a server. `onIdle` is called whenever one of them may have become idle. A
 * connection older than `maxAgeMs` is closed with its next response.
 */
export function followConnections(server: AnyServer, maxAgeMs: number, onIdle: () => void) {
  const connections = new Map<Socket | http2.Http2Session, Connection>();
  let isClosing = false;
  let hasStopped = false;

  const follow = (connection: Socket | http2.Http2Session): Connection => {
    const state: Connection = {
      openedAt: performance.now(),
      pending: new Set(),
      requestedBytes: 0,
    };
    connections.set(connection, state);
    connection.once('close', () => {
      keepOpen(state);
      connections.delete(connection);
      onIdle();
    });
    if ('bytesRead' in connection) connection.on('drain', closeIfHangUpIsHidden);
    if (hasStopped) closeSoon(connection, state); // It was accepted just before.
    return state;
  };

  function closeIfHangUpIsHidden(this: Socket) {
    const { pending } = connections.get(this) ?? {};
    if (pending && cannotSeeHangUp(this, pending)) this.destroy();
  }

  /** Closes an idle connection, unless a request arrives that was in transit. */
  const closeSoon = (connection: Socket | http2.Http2Session, state: Connection) => {
    if (!isIdle(connection, state)) return;
    state.closing ??= setTimeout(() => {
      state.closing = undefined;
      if ('goaway' in connection) connection.close();
      else if (isIdle(connection, state)) connection.destroy();
      onIdle();
    }, IN_TRANSIT_MS);
  };

  const keepOpen = (state: Connection) => {
    clearTimeout(state.closing);
    state.closing = undefined;
  };

  const isOld = ({ openedAt }: Connection) => performance.now() - openedAt >= maxAgeMs;

  const track = (req: ServedRequest, res: ServedResponse) => {
    if ('stream' in req || 'stream' in res) return; // trackStream follows it.
    const connection = req.socket;
    const state = connections.get(connection) ?? follow(connection);
    keepOpen(state);
    const { pending } = state;
    pending.add(res);
    res.once('finish', () => {
      pending.delete(res);
      if (cannotSeeHangUp(connection, pending)) connection.destroy(); // Another response has become the first.
      // Its head may have left before the drain began, without `Connection: close`.
      if (hasStopped) closeSoon(connection, state);
      onIdle();
    });
    state.requestedBytes = connection.bytesRead;
    const { 'content-length': length, 'transfer-encoding': encoding } = req.headers;
    if (Number(length) > 0 || encoding) {
      req.once('end', () => {
        if (pending.has(res)) state.requestedBytes = connection.bytesRead;
      });
    }
    if (isClosing || isOld(state)) closeWithAnswer(res, pending);
    if (cannotSeeHangUp(connection, pending) || pending.size > MAX_PENDING) connection.destroy();
  };

  const trackStream = (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => {
    const { session } = stream;
    // A tunnel ends with the drain, like an upgraded connection.
    if (!session || headers[':method'] === 'CONNECT') return;
    const state = connections.get(session) ?? follow(session);
    keepOpen(state);
    state.pending.add(stream);
    stream.once('close', () => {
      state.pending.delete(stream);
      onIdle();
    });
    // Later, so that streams that arrived together are served; usually the client still learns of it before the
    // response. Node cannot announce a GOAWAY: it refuses streams in transit with REFUSED_STREAM, so the client
    // knows that nothing was done.
    if (isClosing || isOld(state)) setImmediate(() => session.close());
  };

  const events: EventEmitter = server;
  // A TLS connection has two sockets, both followed: before the handshake only the outer one exists.
  for (const event of ['connection', 'secureConnection', 'session']) events.on(event, follow);
  events.prependListener('stream', trackStream);
  // Only events that the application listens to. A listener of ours alone would suppress Node's own response
  // to an expectation, and switch on the compatibility API of HTTP/2, which answers CONNECT with 405.
  const untracked = new Set<unknown>(['request', 'checkContinue', 'checkExpectation']);
  const trackEvent = (event: unknown) => {
    if (untracked.delete(event)) events.prependListener(String(event), track);
  };
  for (const event of untracked) if (events.listenerCount(String(event)) > 0) trackEvent(event);
  events.on('newListener', trackEvent);

  return {
    /** Whether a response is pending, or a request may be in transit. */
    hasPendingResponses() {
      for (const { pending, closing } of connections.values())
        if (pending.size > 0 || closing) return true;
      return false;
    },

    /** From now on every response closes its connection, including those that are pending. */
    closeAfterResponses() {
      isClosing = true;
      for (const { pending } of connections.values()) {
        for (const res of pending) if ('writeHead' in res) closeWithAnswer(res, pending);
      }
    },

    /** Accepts no new connection, and closes the idle ones. */
    stopAccepting() {
      hasStopped = true;
      // http.Server's own close() cuts off a response once `end()` was called (nodejs/node#43890). Bun's is no
      // net.Server.
      const { close } = server instanceof NetServer ? NetServer.prototype : server;
      if (server.listening) close.call(server);
      for (const [connection, state] of connections) {
        if ('goaway' in connection && state.pending.size > 0) connection.close();
        else closeSoon(connection, state);
      }
    },

    /** Closes every connection, including upgraded ones, which `server.closeAllConnections()` misses. */
    destroy() {
      for (const connection of connections.keys()) connection.destroy();
    },
  };
}

/** Whether the connection is open, with no response pending and no part of a request received. */
function isIdle(connection: Socket | http2.Http2Session, state: Connection): boolean {
  if (state.pending.size > 0 || connection.destroyed) return false;
  if ('goaway' in connection) return !connection.closed;
  return connection.bytesRead === state.requestedBytes && !connection.writableEnded;
}

/**
 * Whether a hang-up would go unnoticed: queued responses fill the write buffer behind an unfinished one, and
 * Node pauses the socket until that one is finished.
 */
function cannotSeeHangUp(connection: Socket, pending: Set<Pending>): boolean {
  if (!connection.isPaused()) return false;
  const [first, ...queued] = pending;
  if (first?.writableEnded) return false;
  const queuedBytes = queued.reduce((sum, { writableLength }) => sum + writableLength, 0);
  return queuedBytes >= connection.writableHighWaterMark;
}
