import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Server as NetServer, type Socket } from 'node:net';

/** Pipelined requests that a connection may have unanswered; one more closes it. */
const MAX_ANSWERS_OWED = 100;

/**
 * The answers that one connection owes: those whose last byte the operating system has not taken.
 * `bytesRead` is how much had been read when one was last complete: more is the start of a request.
 */
type Owed = Set<ServerResponse> & { bytesRead?: number };

/** The connections of one server. `onEnd` hears of each answer that is complete or has lost its client. */
export class Connections {
  readonly #server: Server;
  readonly #onEnd: () => void;
  readonly #owed = new Map<Socket, Owed>();
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
    return [...this.#owed.values()].some(({ size }) => size > 0);
  }

  /** From now on each answer, those that are owed included, closes its connection. */
  closeAfterAnswers(): void {
    this.#closing = true;
    this.#owed.forEach(closeAfterLast);
  }

  /** Takes no new connection, and closes those on which nothing is under way. */
  stopAccepting(): void {
    // http.Server's own close() cuts an answer once `end()` was called (nodejs/node#43890).
    if (this.#server.listening) NetServer.prototype.close.call(this.#server);
    for (const [socket, { size, bytesRead = 0 }] of this.#owed) {
      if (size === 0 && socket.bytesRead === bytesRead) socket.destroy();
    }
  }

  /** Closes every connection, upgraded ones too, which `server.closeAllConnections()` misses. */
  destroy(): void {
    for (const socket of this.#owed.keys()) socket.destroy();
  }

  #follow(socket: Socket): Owed {
    const owed = new Set<ServerResponse>();
    this.#owed.set(socket, owed);
    socket.once('close', () => {
      this.#owed.delete(socket);
      this.#onEnd();
    });
    return owed;
  }

  #owe({ socket }: IncomingMessage, res: ServerResponse): void {
    const owed = this.#owed.get(socket) ?? this.#follow(socket);
    owed.add(res);
    res.once('finish', () => {
      owed.delete(res);
      owed.bytesRead = socket.bytesRead;
      this.#onEnd();
    });
    if (this.#closing) closeAfterLast(owed);
    // Behind answers that nobody reads Node pauses the socket, and sees no hang-up any more.
    if (owed.size > MAX_ANSWERS_OWED || (owed.size > 1 && socket.isPaused())) socket.destroy();
  }
}

/** Pipelined answers before the last one keep the connection. */
function closeAfterLast(owed: Owed): void {
  const unsent = [...owed].filter((res) => !res.headersSent);
  for (const res of unsent) res.setHeader('Connection', 'keep-alive');
  unsent.at(-1)?.setHeader('Connection', 'close');
}
