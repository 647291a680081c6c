import type { EventEmitter } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type * as http2 from 'node:http2';
import { Server as NetServer, type Socket } from 'node:net';
import { closeWithAnswer } from './close-with-answer.ts';

/** A server of node:http, node:https or node:http2, and what it hands to its listener. */
export type AnyServer = Server | http2.Http2Server | http2.Http2SecureServer;
export type ServedRequest = IncomingMessage | http2.Http2ServerRequest;
export type ServedResponse = ServerResponse | http2.Http2ServerResponse;

/** Pipelined requests that a connection may have unanswered; one more closes it. */
const MAX_ANSWERS_OWED = 100;

/** How long the next request may be on its way on a connection that was not told to close. */
const ON_ITS_WAY_MS = 100;

type Owed = ServerResponse | http2.ServerHttp2Stream;

interface Connection {
  openedAt: number;
  owed: Set<Owed>; // Answers whose last byte the operating system has not taken.
  requestedBytes: number; // `bytesRead` after the last request: if it has grown, another has begun.
  closing?: NodeJS.Timeout | undefined; // Runs while a last request may be on its way.
}

/**
 * Follows the connections of a server; `onEnd` is called when one may owe nothing any more. One that is
 * older than `maxAgeMs` is closed by the next answer.
 */
export function followConnections(server: AnyServer, maxAgeMs: number, onEnd: () => void) {
  const connections = new Map<Socket | http2.Http2Session, Connection>();
  let isClosing = false;
  let hasStopped = false;

  const follow = (connection: Socket | http2.Http2Session): Connection => {
    const state: Connection = { openedAt: performance.now(), owed: new Set(), requestedBytes: 0 };
    connections.set(connection, state);
    connection.once('close', () => {
      goOn(state);
      connections.delete(connection);
      onEnd();
    });
    if ('bytesRead' in connection) connection.on('drain', closeBlind);
    if (hasStopped) closeSoon(connection, state); // Accepted just before.
    return state;
  };

  function closeBlind(this: Socket) {
    const { owed } = connections.get(this) ?? {};
    if (owed && isBlind(this, owed)) this.destroy();
  }

  /** Closes a connection on which nothing is under way, unless a request was on its way by now. */
  const closeSoon = (connection: Socket | http2.Http2Session, state: Connection) => {
    if (!isIdle(connection, state)) return;
    state.closing ??= setTimeout(() => {
      state.closing = undefined;
      if ('goaway' in connection) connection.close();
      else if (isIdle(connection, state)) connection.destroy();
      onEnd();
    }, ON_ITS_WAY_MS);
  };

  const goOn = (state: Connection) => {
    clearTimeout(state.closing);
    state.closing = undefined;
  };

  const isOld = ({ openedAt }: Connection) => performance.now() - openedAt >= maxAgeMs;

  const owe = (req: ServedRequest, res: ServedResponse) => {
    if ('stream' in req || 'stream' in res) return; // Its stream is followed already.
    const connection = req.socket;
    const state = connections.get(connection) ?? follow(connection);
    goOn(state);
    const { owed } = state;
    owed.add(res);
    res.once('finish', () => {
      owed.delete(res);
      if (isBlind(connection, owed)) connection.destroy(); // Another answer is the first now.
      // Its head may have left before the drain began, without a word of closing.
      if (hasStopped) closeSoon(connection, state);
      onEnd();
    });
    state.requestedBytes = connection.bytesRead;
    const { 'content-length': length, 'transfer-encoding': encoding } = req.headers;
    if (Number(length) > 0 || encoding) {
      req.once('end', () => {
        if (owed.has(res)) state.requestedBytes = connection.bytesRead;
      });
    }
    if (isClosing || isOld(state)) closeWithAnswer(res, owed);
    if (isBlind(connection, owed) || owed.size > MAX_ANSWERS_OWED) connection.destroy();
  };

  const oweStream = (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => {
    const { session } = stream;
    // A tunnel ends when the drain does, as a connection does that was upgraded.
    if (!session || headers[':method'] === 'CONNECT') return;
    const state = connections.get(session) ?? follow(session);
    goOn(state);
    state.owed.add(stream);
    stream.once('close', () => {
      state.owed.delete(stream);
      onEnd();
    });
    // Its client is told before the answer, mostly, and what came along is served. Node has no way to announce
    // a GOAWAY: what is on its way then is refused, with a code that says that nothing was done for it.
    if (isClosing || isOld(state)) setImmediate(() => session.close());
  };

  const events: EventEmitter = server;
  // Of a TLS connection both sockets are followed: the outer one is all there is before the handshake.
  for (const event of ['connection', 'secureConnection', 'session']) events.on(event, follow);
  events.prependListener('stream', oweStream);
  // Only where somebody listens: alone we would keep Node from its own answer to an expectation, and turn
  // on what HTTP/2 has for those who want `req` and `res`, which answers CONNECT by 405.
  const unheard = new Set<unknown>(['request', 'checkContinue', 'checkExpectation']);
  const hear = (event: unknown) => {
    if (unheard.delete(event)) events.prependListener(String(event), owe);
  };
  for (const event of unheard) if (events.listenerCount(String(event)) > 0) hear(event);
  events.on('newListener', hear);

  return {
    /** Whether an answer is under way, or its request may be. */
    oweAnswers() {
      for (const { owed, closing } of connections.values())
        if (owed.size > 0 || closing) return true;
      return false;
    },

    /** From now on each answer, those that are owed included, closes its connection. */
    closeAfterAnswers() {
      isClosing = true;
      for (const { owed } of connections.values()) {
        for (const res of owed) if ('writeHead' in res) closeWithAnswer(res, owed);
      }
    },

    /** Takes no new connection, and closes those on which nothing is under way. */
    stopAccepting() {
      hasStopped = true;
      // http.Server's own close() cuts an answer once `end()` was called (nodejs/node#43890).
      if (server.listening) NetServer.prototype.close.call(server);
      for (const [connection, state] of connections) {
        if ('goaway' in connection && state.owed.size > 0) connection.close();
        else closeSoon(connection, state);
      }
    },

    /** Closes every connection, upgraded ones too, which `server.closeAllConnections()` misses. */
    destroy() {
      for (const connection of connections.keys()) connection.destroy();
    },
  };
}

/** Whether no answer is owed, not even a part of a request has come, and it is open. */
function isIdle(connection: Socket | http2.Http2Session, state: Connection): boolean {
  if (state.owed.size > 0 || connection.destroyed) return false;
  if ('goaway' in connection) return !connection.closed;
  return connection.bytesRead === state.requestedBytes && !connection.writableEnded;
}

/** Once what waits behind an answer that is being made fills a buffer, Node reads no hang-up any more. */
function isBlind(connection: Socket, owed: Set<Owed>): boolean {
  if (!connection.isPaused()) return false;
  const [first, ...next] = owed;
  if (first?.writableEnded) return false;
  const waitingBytes = next.reduce((sum, { writableLength }) => sum + writableLength, 0);
  return waitingBytes >= connection.writableHighWaterMark;
}
