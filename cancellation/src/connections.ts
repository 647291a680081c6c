import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Server as NetServer, type Socket } from 'node:net';

/** Pipelined requests that a connection may have unanswered; one more closes it. */
const MAX_ANSWERS_OWED = 100;

interface Connection {
  /** Answers whose last byte the operating system has not taken. */
  owed: Set<ServerResponse>;
  /** What had been read when the last answer was complete: more is the start of a request. */
  answeredBytes: number;
}

/** The connections of one server; `onEnd` is called when one of them may owe nothing any more. */
export class Connections {
  readonly #server: Server;
  readonly #connections = new Map<Socket, Connection>();
  readonly #onEnd: () => void;
  #closing = false;

  constructor(server: Server, onEnd: () => void) {
    this.#server = server;
    this.#onEnd = onEnd;
    server.on('connection', (socket) => this.#follow(socket));
    // Only where somebody listens: alone we would keep Node from its own answer to an expectation.
    const others = ['checkContinue', 'checkExpectation'].filter((it) => server.listenerCount(it));
    for (const event of ['request', ...others]) {
      server.prependListener(event, (req, res) => this.#owe(req, res));
    }
  }

  get owesAnswers(): boolean {
    for (const { owed } of this.#connections.values()) if (owed.size > 0) return true;
    return false;
  }

  /** From now on each answer, those that are owed included, closes its connection. */
  closeAfterAnswers(): void {
    this.#closing = true;
    for (const { owed } of this.#connections.values()) closeAfterLast(owed);
  }

  /** Takes no new connection, and closes those on which nothing is under way. */
  stopAccepting(): void {
    // http.Server's own close() cuts an answer once `end()` was called (nodejs/node#43890).
    if (this.#server.listening) NetServer.prototype.close.call(this.#server);
    for (const [socket, { owed, answeredBytes }] of this.#connections) {
      if (owed.size === 0 && socket.bytesRead === answeredBytes) socket.destroy();
    }
  }

  /** Closes every connection, upgraded ones too, which `server.closeAllConnections()` misses. */
  destroy(): void {
    for (const socket of this.#connections.keys()) socket.destroy();
  }

  #follow(socket: Socket): Connection {
    const connection = { owed: new Set<ServerResponse>(), answeredBytes: 0 };
    this.#connections.set(socket, connection);
    socket.once('close', () => {
      this.#connections.delete(socket);
      this.#onEnd();
    });
    return connection;
  }

  #owe({ socket }: IncomingMessage, res: ServerResponse): void {
    const connection = this.#connections.get(socket) ?? this.#follow(socket);
    const { owed } = connection;
    owed.add(res);
    res.once('finish', () => {
      owed.delete(res);
      connection.answeredBytes = socket.bytesRead;
      this.#onEnd();
    });
    if (this.#closing) closeAfterLast(owed);
    // Behind answers that nobody reads Node pauses the socket, and sees no hang-up any more.
    if (owed.size > MAX_ANSWERS_OWED || (owed.size > 1 && socket.isPaused())) socket.destroy();
  }
}

/** Pipelined answers before the last one keep the connection. */
function closeAfterLast(owed: Set<ServerResponse>): void {
  const unsent = [...owed].filter((res) => !res.headersSent);
  for (const res of unsent) res.setHeader('Connection', 'keep-alive');
  unsent.at(-1)?.setHeader('Connection', 'close');
}
