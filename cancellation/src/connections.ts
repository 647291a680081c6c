import type { EventEmitter } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type {
  Http2SecureServer,
  Http2Server,
  Http2ServerRequest,
  Http2ServerResponse,
  Http2Session,
} from 'node:http2';
import { Server as NetServer, type Socket } from 'node:net';

/** A server of node:http, node:https or node:http2, and what it hands to its listener. */
export type AnyServer = Server | Http2Server | Http2SecureServer;
export type ServedRequest = IncomingMessage | Http2ServerRequest;
export type ServedResponse = ServerResponse | Http2ServerResponse;

/** Pipelined requests that a connection may have unanswered; one more closes it. */
const MAX_ANSWERS_OWED = 100;

interface Connection {
  owed: Set<ServedResponse>; // Answers whose last byte the operating system has not taken.
  answeredBytes: number; // Read when the last answer was complete: more is a request's start.
}

/** Follows the connections of a server; `onEnd` is called when one may owe nothing any more. */
export function followConnections(server: AnyServer, onEnd: () => void) {
  const connections = new Map<Socket | Http2Session, Connection>();
  let isClosing = false;

  const follow = (connection: Socket | Http2Session): Connection => {
    const state = { owed: new Set<ServedResponse>(), answeredBytes: 0 };
    connections.set(connection, state);
    connection.once('close', () => {
      connections.delete(connection);
      onEnd();
    });
    return state;
  };

  const owe = (req: ServedRequest, res: ServedResponse) => {
    const { socket } = req;
    const connection = ('stream' in req && req.stream.session) || socket;
    const state = connections.get(connection) ?? follow(connection);
    const { owed } = state;
    owed.add(res);
    res.once('finish', () => {
      owed.delete(res);
      state.answeredBytes = socket.bytesRead;
      onEnd();
    });
    if (connection !== socket) return;
    if (isClosing) closeAfterLast(owed);
    // Behind answers that nobody reads Node pauses the socket, and sees no hang-up any more.
    if (owed.size > MAX_ANSWERS_OWED || (owed.size > 1 && socket.isPaused())) socket.destroy();
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
      for (const [connection, { owed, answeredBytes }] of connections) {
        if ('goaway' in connection) connection.close();
        else if (owed.size === 0 && connection.bytesRead === answeredBytes) connection.destroy();
      }
    },

    /** Closes every connection, upgraded ones too, which `server.closeAllConnections()` misses. */
    destroy() {
      for (const connection of connections.keys()) connection.destroy();
    },
  };
}

/** Pipelined answers before the last one keep the connection. HTTP/2 has no such header. */
function closeAfterLast(owed: Set<ServedResponse>): void {
  const unsent = [...owed].filter((res) => !res.headersSent && !('stream' in res));
  for (const res of unsent) res.setHeader('Connection', 'keep-alive');
  unsent.at(-1)?.setHeader('Connection', 'close');
}
