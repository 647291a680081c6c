import { type EventEmitter, errorMonitor } from 'node:events';
import type { Http2Session, ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { ServedRequest, ServedResponse } from './connections.ts';

/** Who ended a connection or a stream. */
export type Side = 'client' | 'server';

/**
 * An answer that is under way, and who cut it: whoever ended its connection or stream before `res.end()`
 * was called.
 *
 * Both questions (was the answer complete, and who ended what carries it) are put at the first event that
 * tells of the end, before any listener of the application: one that ends the answer at a hang-up
 * (`res.on('close', () => res.end())`) would make it look complete afterwards. So the listeners here are
 * prepended, and Node's own, which emit 'aborted', 'close' and 'error' of request and response, come later.
 *
 * HTTP/1: a client ends a connection by FIN, and the socket emits 'end'; or by RST (also a connection that
 * has timed out), and the socket emits 'error' with the system call that failed, `read` or `write`. All
 * other ends are the server's: `destroy()` of socket, request or response, a `pipeline` whose source has
 * failed, `server.timeout`, `closeAllConnections()`, Node's answer to what is no HTTP. There the socket
 * emits 'error' with the error that `destroy` was given, or 'close' alone. An upstream's ECONNRESET that
 * `pipeline` passes to `res.destroy` is a failed `read` too, but then the response, or the request, has
 * that very error as `errored` already. Where the server sends its FIN first, the client's is its answer.
 * The 'close' of the request comes as soon as its body has been read, and that of the response, before
 * Node 24.16, never to a pipelined request: neither is asked.
 *
 * HTTP/2: a stream that ends before the answer does emits 'aborted', whoever ends it, and no other does. It
 * was the server if the stream is being destroyed, or if `stream.close()` was called, of which Node keeps no
 * trace; but both happen as well when the session or its socket is ended, and then it matters who did that.
 * A client ends a session by the end of its socket, as above, or by a GOAWAY with an error code.
 */
export class Answer {
  readonly #req: ServedRequest;
  readonly #res: ServedResponse;
  #connection: Connection | undefined;
  /** Undefined as long as nobody has. */
  cutBy: Side | undefined;
  /** Its connection or stream has ended, whether the answer was complete by then or not. */
  isOver = false;
  /** Called at that moment. */
  onOver: (() => void) | undefined;

  constructor(req: ServedRequest, res: ServedResponse) {
    this.#req = req;
    this.#res = res;
    if ('stream' in req) {
      if (req.stream) this.#followStream(req.stream);
      return;
    }
    // What a mock or a Lambda adapter has in place of a socket tells of no hang-up.
    if (typeof req.socket?.prependListener !== 'function') return;
    this.#connection = connectionOf(req.socket);
    const { endedBy } = this.#connection;
    // It may have been ended since: one that is complete has given its socket back by now.
    if (endedBy) this.end(endedBy, res.writableEnded && !req.aborted && !res.socket);
    else this.#connection.answers.add(this);
  }

  end(by: Side, isComplete = this.#res.writableEnded): void {
    this.isOver = true;
    if (!isComplete) this.cutBy = by;
    this.onOver?.();
  }

  /** What happens to the connection from now on is no matter of this answer's. */
  forget(): void {
    this.#connection?.answers.delete(this);
    this.onOver = undefined;
  }

  /** Whether the response or its request was destroyed with `error`. */
  wasDestroyedWith(error: Error): boolean {
    return [this.#req, this.#res].some((it) => 'errored' in it && it.errored === error);
  }

  #followStream(stream: ServerHttp2Stream): void {
    const { session } = stream;
    if (session) noteGoaway(session);
    const endedBy = (isClosedHere: boolean): Side => {
      const socket = session?.socket;
      if (session && goneAway.has(session)) return 'client';
      if (socket && wasEndedByClient(socket)) return 'client';
      return isClosedHere || socket?.destroyed ? 'server' : 'client';
    };
    if (stream.aborted) {
      // Too late for more than this: Node itself has ERR_HTTP2_STREAM_ERROR for a client's reset.
      const error: (Error & { code?: string }) | null = stream.errored;
      this.end(endedBy(error !== null && error.code !== 'ERR_HTTP2_STREAM_ERROR'), false);
      return;
    }
    const { close } = stream;
    let isClosed = false;
    stream.close = (...args) => {
      isClosed = true;
      close.apply(stream, args);
    };
    stream.prependListener('aborted', () => this.end(endedBy(isClosed || stream.destroyed), false));
  }
}

/** The answers under way on a connection of HTTP/1: one, or several that are pipelined. */
interface Connection {
  answers: Set<Answer>;
  endedBy: Side | undefined;
}

const CONNECTION: unique symbol = Symbol('connection');

/** Three listeners a connection, however many requests it carries. */
function connectionOf(socket: Socket & { [CONNECTION]?: Connection }): Connection {
  const known = socket[CONNECTION];
  if (known) return known;
  const connection: Connection = { answers: new Set(), endedBy: undefined };
  const { answers } = connection;
  const end = (by: Side) => {
    connection.endedBy ??= by;
    for (const answer of answers) answer.end(connection.endedBy);
    answers.clear();
  };
  socket[CONNECTION] = connection;
  socket.prependListener('end', () => {
    if (!mayHalfClose(socket)) end(socket.writableEnded ? 'server' : 'client');
  });
  const events: EventEmitter = socket;
  events.prependListener(errorMonitor, (error: Error) => {
    const isOurs = [...answers].some((answer) => answer.wasDestroyedWith(error));
    end(isOfNetwork(error) && !isOurs ? 'client' : 'server');
  });
  socket.prependListener('close', () => end('server'));
  if (wasEndedByClient(socket)) connection.endedBy = 'client';
  else if (socket.destroyed) connection.endedBy = 'server';
  return connection;
}

function wasEndedByClient(socket: Socket): boolean {
  return (socket.readableEnded && !mayHalfClose(socket)) || isOfNetwork(socket.errored);
}

/** Whether the server goes on answering a client that has sent its FIN. */
function mayHalfClose(socket: Socket & { server?: { httpAllowHalfOpen?: boolean } }): boolean {
  return socket.server?.httpAllowHalfOpen === true;
}

/** Whether it was reading from a socket, or writing to it, that has failed. */
function isOfNetwork(error: (Error & { syscall?: string }) | null): boolean {
  return error?.syscall === 'read' || error?.syscall === 'write';
}

const followed = new WeakSet<Http2Session>();
const goneAway = new WeakSet<Http2Session>();

/** Remembers that the client has ended `session` by a GOAWAY with an error code. */
function noteGoaway(session: Http2Session): void {
  if (followed.has(session)) return;
  followed.add(session);
  session.prependListener('goaway', (code) => {
    if (code !== 0) goneAway.add(session);
  });
}
