import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Server as NetServer, type Socket } from 'node:net';

/** Pipelined requests that a connection may have unanswered; one more closes it. */
const MAX_ANSWERS_OWED = 100;

interface Connection {
  owed: Set<ServerResponse>; // Answers whose last byte the operating system has not taken.
  answeredBytes: number; // Read when the last answer was complete: more is a request's start.
}

/** Follows the connections of a server; `onEnd` is called when one may owe nothing any more. */
export function followConnections(server: Server, onEnd: () => void) {
  const connections = new Map<Socket, Connection>();
  let isClosing = false;

  const follow = (socket: Socket): Connection => {
    const connection = { owed: new Set<ServerResponse>(), answeredBytes: 0 };
    connections.set(socket, connection);
    socket.once('close', () => {
      connections.delete(socket);
      onEnd();
    });
    return connection;
  };

  const owe = ({ socket }: IncomingMessage, res: ServerResponse) => {
    const connection = connections.get(socket) ?? follow(socket);
    const { owed } = connection;
    owed.add(res);
    res.once('finish', () => {
      owed.delete(res);
      connection.answeredBytes = socket.bytesRead;
      onEnd();
    });
    if (isClosing) closeAfterLast(owed);
    // Behind answers that nobody reads Node pauses the socket, and sees no hang-up any more.
    if (owed.size > MAX_ANSWERS_OWED || (owed.size > 1 && socket.isPaused())) socket.destroy();
  };

  server.on('connection', follow).prependListener('request', owe);
  // Only where somebody listens: alone we would keep Node from its own answer to an expectation.
  for (const event of ['checkContinue', 'checkExpectation']) {
    if (server.listenerCount(event) > 0) server.prependListener(event, owe);
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
      for (const [socket, { owed, answeredBytes }] of connections) {
        if (owed.size === 0 && socket.bytesRead === answeredBytes) socket.destroy();
      }
    },

    /** Closes every connection, upgraded ones too, which `server.closeAllConnections()` misses. */
    destroy() {
      for (const socket of connections.keys()) socket.destroy();
    },
  };
}

/** Pipelined answers before the last one keep the connection. */
function closeAfterLast(owed: Set<ServerResponse>): void {
  const unsent = [...owed].filter((res) => !res.headersSent);
  for (const res of unsent) res.setHeader('Connection', 'keep-alive');
  unsent.at(-1)?.setHeader('Connection', 'close');
}
