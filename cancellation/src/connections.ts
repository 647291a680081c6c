import type { EventEmitter } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type * as http2 from 'node:http2';
import { Server as NetServer, type Socket } from 'node:net';

/** A server of node:http, node:https or node:http2, and what it hands to its listener. */
export type AnyServer = Server | http2.Http2Server | http2.Http2SecureServer;
export type ServedRequest = IncomingMessage | http2.Http2ServerRequest;
export type ServedResponse = ServerResponse | http2.Http2ServerResponse;

/** Pipelined requests that a connection may have unanswered; one more closes it. */
const MAX_ANSWERS_OWED = 100;

interface Connection {
  openedAt: number;
  owed: Set<ServedResponse>; // Answers whose last byte the operating system has not taken.
  requestedBytes: number; // `bytesRead` after the last request: if it has grown, another has begun.
}

/**
 * Follows the connections of a server; `onEnd` is called when one may owe nothing any more. One that is
 * older than `maxAgeMs` is closed by the next answer.
 */
export function followConnections(server: AnyServer, maxAgeMs: number, onEnd: () => void) {
  const connections = new Map<Socket | http2.Http2Session, Connection>();
  let isClosing = false;

  const follow = (connection: Socket | http2.Http2Session): Connection => {
    const owed = new Set<ServedResponse>();
    const state = { openedAt: performance.now(), owed, requestedBytes: 0 };
    connections.set(connection, state);
    connection.once('close', () => {
      connections.delete(connection);
      onEnd();
    });
    if ('bytesRead' in connection) connection.on('drain', closeBlind);
    return state;
  };

  function closeBlind(this: Socket) {
    const { owed } = connections.get(this) ?? {};
    if (owed && isBlind(this, owed)) this.destroy();
  }

  const owe = (req: ServedRequest, res: ServedResponse) => {
    const connection = ('stream' in req && req.stream.session) || req.socket;
    const state = connections.get(connection) ?? follow(connection);
    const { owed } = state;
    owed.add(res);
    res.once('finish', () => {
      owed.delete(res);
      if ('bytesRead' in connection) {
        if (isBlind(connection, owed)) connection.destroy(); // Another answer is the first now.
        // An answer that had begun before the drain carries no `Connection: close`.
        if (isClosing && owed.size === 0) connection.destroySoon();
      }
      onEnd();
    });
    const isOld = performance.now() - state.openedAt >= maxAgeMs;
    if (!('bytesRead' in connection)) {
      if (isClosing || isOld) connection.close(); // Its streams go on to their ends.
      return;
    }
    state.requestedBytes = connection.bytesRead;
    const { 'content-length': length, 'transfer-encoding': encoding } = req.headers;
    if (Number(length) > 0 || encoding) {
      req.once('end', () => {
        if (owed.has(res)) state.requestedBytes = connection.bytesRead;
      });
    }
    if (isClosing || isOld) closeAfterLast(owed);
    if (isBlind(connection, owed) || owed.size > MAX_ANSWERS_OWED) connection.destroy();
  };

  const events: EventEmitter = server;
  // Of a TLS connection both sockets are followed: the outer one is all there is before the handshake.
  for (const event of ['connection', 'secureConnection', 'session']) events.on(event, follow);
  events.prependListener('request', owe);
  // Only where somebody listens: alone we would keep Node from its own answer to an expectation.
  for (const event of ['checkContinue', 'checkExpectation']) {
    if (events.listenerCount(event) > 0) events.prependListener(event, owe);
  }

  return {
    oweAnswers() {
      for (const { owed } of connections.values()) if (owed.size > 0) return true;
      return false;
    },

    /** From now on each answer, those that are owed included, closes its connection. */
    closeAfterAnswers() {
      isClosing = true;
      for (const { owed } of connections.values()) closeAfterLast(owed);
    },

    /** Takes no new connection, and closes those on which nothing is under way. */
    stopAccepting() {
      // http.Server's own close() cuts an answer once `end()` was called (nodejs/node#43890).
      if (server.listening) NetServer.prototype.close.call(server);
      for (const [connection, { owed, requestedBytes }] of connections) {
        if ('goaway' in connection) connection.close();
        else if (owed.size === 0 && connection.bytesRead === requestedBytes) connection.destroy();
      }
    },

    /** Closes every connection, upgraded ones too, which `server.closeAllConnections()` misses. */
    destroy() {
      for (const connection of connections.keys()) connection.destroy();
    },
  };
}

/** Once what waits behind an answer that is being made fills a buffer, Node reads no hang-up any more. */
function isBlind(connection: Socket, owed: Set<ServedResponse>): boolean {
  if (!connection.isPaused()) return false;
  const [first, ...next] = owed;
  if (first?.writableEnded) return false;
  const waitingBytes = next.reduce((sum, { writableLength }) => sum + writableLength, 0);
  return waitingBytes >= connection.writableHighWaterMark;
}

/** Pipelined answers before the last one keep the connection. HTTP/2 has no such header. */
function closeAfterLast(owed: Set<ServedResponse>): void {
  const last = [...owed].at(-1);
  for (const res of owed) {
    if (res.headersSent || 'stream' in res) continue;
    res.setHeader('Connection', res === last ? 'close' : 'keep-alive');
  }
}
