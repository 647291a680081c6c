import { type EventEmitter, errorMonitor } from 'node:events';
import type { Http2Session, ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { ServedRequest, ServedResponse } from './connections.ts';

/** Who ended a connection or a stream. */
export type Side = 'client' | 'server';

/**
 * A response in progress, and which side cut it off: the side that ended its connection or stream before
 * `res.end()` was called.
 *
 * Two questions decide: was the response complete, and who ended the connection? Both are answered at the
 * first event of the end, before any listener of the application runs. A listener that ends the response at a
 * hang-up (`res.on('close', () => res.end())`) would make it look complete afterwards. The listeners here are
 * therefore prepended. Node's own listeners, which emit 'aborted', 'close' and 'error' on the request and the
 * response, come later.
 *
 * HTTP/1:
 * - A client ends a connection with FIN, and the socket emits 'end'; or with RST (a connection that has timed
 *   out counts too), and the socket emits 'error' with the system call that failed, `read` or `write`.
 * - Every other end is the server's: `destroy()` of the socket, the request or the response; a `pipeline`
 *   whose source failed; `server.timeout`; `closeAllConnections()`; Node's response to malformed HTTP. The
 *   socket then emits 'error' with the error that `destroy` was given, or only 'close'.
 * - An upstream's ECONNRESET that `pipeline` passes to `res.destroy` is a failed `read` too, but the response
 *   or the request then already has that very error as `errored`.
 * - Where the server sends its FIN first, the client's FIN is the reply to it.
 * - Two events are of no use. The request's 'close' is emitted as soon as its body has been read, and the
 *   response's 'close', before Node 24.16, is never emitted for a pipelined request.
 *
 * HTTP/2:
 * - A stream that ends before its response emits 'aborted', no matter who ends it; no other stream does.
 * - It was the server if the stream is being destroyed, or if `stream.close()` was called. Node keeps no trace
 *   of that call, so it is recorded here. Both also happen when the session or its socket is ended; then it
 *   matters who did that.
 * - A client ends a session by ending its socket, as above, or with a GOAWAY that has an error code.
 */
export class Answer {
  readonly #req: ServedRequest;
  readonly #res: ServedResponse;
  #connection: Connection | undefined;
  /** Undefined while neither side has. */
  cutBy: Side | undefined;
  /** Whether its connection or stream has ended, no matter if the response was complete. */
  isOver = false;
  /** Called when the connection or stream ends. */
  onOver: (() => void) | undefined;

  constructor(req: ServedRequest, res: ServedResponse) {
    this.#req = req;
    this.#res = res;
    if ('stream' in req) {
      if (req.stream) this.#followStream(req.stream);
      return;
    }
    // A mock or a Lambda adapter has no real socket, and so no hang-up.
    if (typeof req.socket?.prependListener !== 'function') return;
    this.#connection = connectionOf(req.socket);
    const { endedBy } = this.#connection;
    // It may have ended before. A complete response has detached its socket by then.
    if (endedBy) this.end(endedBy, res.writableEnded && !req.aborted && !res.socket);
    else this.#connection.answers.add(this);
  }

  end(by: Side, isComplete = this.#res.writableEnded): void {
    this.isOver = true;
    if (!isComplete) this.cutBy = by;
    this.onOver?.();
  }

  /** Stops following the connection. */
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
      // Afterwards only this is left: Node sets ERR_HTTP2_STREAM_ERROR for a reset by the client.
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

/** An HTTP/1 connection with its responses in progress: one, or several if pipelined. */
interface Connection {
  answers: Set<Answer>;
  endedBy: Side | undefined;
}

const CONNECTION: unique symbol = Symbol('connection');

/** Adds three listeners per connection, no matter how many requests it carries. */
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
    const isServers = [...answers].some((answer) => answer.wasDestroyedWith(error));
    end(isOfNetwork(error) && !isServers ? 'client' : 'server');
  });
  socket.prependListener('close', () => end('server'));
  if (wasEndedByClient(socket)) connection.endedBy = 'client';
  else if (socket.destroyed) connection.endedBy = 'server';
  return connection;
}

function wasEndedByClient(socket: Socket): boolean {
  return (socket.readableEnded && !mayHalfClose(socket)) || isOfNetwork(socket.errored);
}

/** Whether the server continues to respond to a client that has sent its FIN. */
function mayHalfClose(socket: Socket & { server?: { httpAllowHalfOpen?: boolean } }): boolean {
  return socket.server?.httpAllowHalfOpen === true;
}

/** Whether reading from the socket or writing to it failed. */
function isOfNetwork(error: (Error & { syscall?: string }) | null): boolean {
  return error?.syscall === 'read' || error?.syscall === 'write';
}

const followed = new WeakSet<Http2Session>();
const goneAway = new WeakSet<Http2Session>();

/** Notes when the client ends `session` with a GOAWAY that has an error code. */
function noteGoaway(session: Http2Session): void {
  if (followed.has(session)) return;
  followed.add(session);
  session.prependListener('goaway', (code) => {
    if (code !== 0) goneAway.add(session);
  });
}
