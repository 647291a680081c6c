import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Server as NetServer, type Socket } from 'node:net';

/** Pipelined requests that one connection may have unanswered; a client with more has lost its way. */
const MAX_ANSWERS_OWED = 100;

/** How long a client may leave an answer unread, without taking a single byte of it. */
const UNREAD_ANSWER_TIMEOUT_MS = 30_000;

interface Connection {
  /** Answers whose last byte has not been handed to the operating system. */
  owed: Set<ServerResponse>;
  /** Bytes read from the socket by the time that it last owed nothing. */
  answeredBytes: number;
  upgraded: boolean;
}

/** The connections of one server and the answers that each of them owes. */
export class Connections {
  readonly #server: Server;
  readonly #changed: () => void;
  readonly #connections = new Map<Socket, Connection>();
  #closing = false;

  /** Follows `server`, whose listeners are all set, before it listens; `changed` hears of each end. */
  constructor(server: Server, changed: () => void) {
    this.#server = server;
    this.#changed = changed;
    const isTls = server.listenerCount('secureConnection') > 0;
    server.on(isTls ? 'secureConnection' : 'connection', (socket) => this.#follow(socket));
    // Only where somebody listens: a listener of ours would replace what Node does by itself.
    const listened = (event: string) => event === 'request' || server.listenerCount(event) > 0;
    for (const event of ['request', 'checkContinue', 'checkExpectation'].filter(listened)) {
      server.prependListener(event, (req, res) => this.#owe(req, res));
    }
    for (const event of ['upgrade', 'connect'].filter(listened)) {
      server.prependListener(event, ({ socket }) => {
        this.#follow(socket).upgraded = true;
      });
    }
    server.timeout ||= UNREAD_ANSWER_TIMEOUT_MS;
    server.on('timeout', (socket) => this.#timeOut(socket));
  }

  /** Whether any answer is owed, or an upgraded connection is open. */
  get busy(): boolean {
    for (const { owed, upgraded } of this.#connections.values()) {
      if (owed.size > 0 || upgraded) return true;
    }
    return false;
  }

  /** From now on each answer, those that are owed included, closes its connection. */
  closeAfterAnswers(): void {
    this.#closing = true;
    for (const { owed } of this.#connections.values()) closeAfterLast(owed);
  }

  /** Takes no new connection, and closes those on which nothing is under way. */
  stopAccepting(): void {
    // Not the close of http.Server: it cuts an answer as soon as `end()` was called (nodejs/node#43890).
    if (this.#server.listening) NetServer.prototype.close.call(this.#server);
    for (const [socket, { owed, answeredBytes, upgraded }] of this.#connections) {
      const isIdle = owed.size === 0 && !upgraded && socket.bytesRead === answeredBytes;
      if (isIdle) socket.destroy();
    }
  }

  /** Closes every connection, upgraded ones too, which `server.closeAllConnections()` misses. */
  destroy(): void {
    for (const socket of this.#connections.keys()) socket.destroy();
  }

  #follow(socket: Socket): Connection {
    const known = this.#connections.get(socket);
    if (known) return known;
    const connection: Connection = { owed: new Set(), answeredBytes: 0, upgraded: false };
    this.#connections.set(socket, connection);
    socket.once('close', () => {
      this.#connections.delete(socket);
      this.#changed();
    });
    return connection;
  }

  #owe({ socket }: IncomingMessage, res: ServerResponse): void {
    const connection = this.#follow(socket);
    const { owed } = connection;
    owed.add(res);
    res.once('finish', () => {
      owed.delete(res);
      connection.answeredBytes = socket.bytesRead;
      this.#changed();
    });
    if (this.#closing) closeAfterLast(owed);
    // Behind answers that nobody reads Node pauses the socket, and sees no hang-up any more.
    const isBlind = owed.size > 1 && socket.isPaused();
    if (isBlind || owed.size > MAX_ANSWERS_OWED) socket.destroy();
  }

  /** Nothing has come or gone for a while: that is right only where a handler is at work. */
  #timeOut(socket: Socket): void {
    const isAtWork = (this.#connections.get(socket)?.owed.size ?? 0) > 0;
    if (!isAtWork || socket.writableLength > 0) socket.destroy();
  }
}

/** Pipelined answers before the last one keep the connection. */
function closeAfterLast(owed: Set<ServerResponse>): void {
  const unsent = [...owed].filter((res) => !res.headersSent);
  const last = unsent.pop();
  for (const res of unsent) res.setHeader('Connection', 'keep-alive');
  last?.setHeader('Connection', 'close');
}
