import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { ShuttingDown } from './cause.ts';
import { Scope } from './scope.ts';

/** How long aborted handlers have to answer, and the hook to finish; then, how long to give up. */
const [ABORTED_TIMEOUT_MS, GIVE_UP_TIMEOUT_MS] = [1_000, 250];

/** Closes a connection after the last answer that it owes; pipelined ones before that stay. */
const closeAfter = (responses: Set<ServerResponse>) =>
  [...responses].reverse().forEach((res, behind) => {
    if (!res.headersSent) res.setHeader('Connection', behind === 0 ? 'close' : 'keep-alive');
  });
const aborted = (signal: AbortSignal) => signal.aborted || once(signal, 'abort');

/**
 * Drains one server: no new connections, time for the requests in flight, then an abort for those
 * that are left. One instance a service, made before the app and attached to its server.
 */
export class GracefulShutdown {
  #draining = false;
  #timeIsUp = false;
  #onIdle: (() => void) | undefined;
  #server: Server | undefined;
  #hook: ((signal: AbortSignal) => Promise<void>) | undefined;
  readonly #scopes = new Set<Scope>();
  readonly #unanswered = new Map<Socket, Set<ServerResponse>>();

  /** True from the first moment of the drain: health checks answer 503 from then on. */
  get draining(): boolean {
    return this.#draining;
  }

  /** How many requests' scopes are open. */
  get inFlight(): number {
    return this.#scopes.size;
  }

  /** Registers a request's scope to be aborted when time is up; returns what takes it out again. */
  enter(scope: Scope): () => void {
    if (this.#timeIsUp) scope.abort(new ShuttingDown());
    this.#scopes.add(scope);
    return () => {
      this.#scopes.delete(scope);
      this.#checkIdle();
    };
  }

  /** Follows the server's connections and answers. Call it before the server listens. */
  attach(server: Server): void {
    this.#server = server;
    server.on('connection', (socket) => this.#follow(socket));
    server.prependListener('request', (req: IncomingMessage, res: ServerResponse) => {
      const responses = this.#follow(req.socket);
      responses.add(res);
      if (this.#draining) closeAfter(responses);
      res.once('finish', () => {
        responses.delete(res);
        this.#checkIdle();
      });
    });
  }

  /**
   * Work that must finish before the process leaves and is no request (a queue, an undo). Called once
   * the requests have ended; when its signal aborts it has a moment to say what it could not finish.
   */
  beforeExit(hook: (signal: AbortSignal) => Promise<void>): void {
    this.#hook = hook;
  }

  /**
   * Resolves when every connection is closed: requests in flight may go on for `timeoutMs`, then they
   * are aborted with ShuttingDown and have a second more to answer.
   */
  async drain(timeoutMs: number): Promise<void> {
    this.#draining = true;
    // A kept-alive client would go on sending requests; each answer from now on tells it to leave.
    this.#unanswered.forEach(closeAfter);
    this.#server?.close();
    using grace = new Scope(timeoutMs);
    using limit = new Scope(timeoutMs + ABORTED_TIMEOUT_MS);
    using end = new Scope(timeoutMs + ABORTED_TIMEOUT_MS + GIVE_UP_TIMEOUT_MS);
    await this.#idle(grace.signal);
    this.#timeIsUp = true;
    for (const scope of this.#scopes) scope.abort(new ShuttingDown());
    await this.#idle(limit.signal);
    await Promise.race([this.#hook?.(limit.signal), aborted(end.signal)]);
    // server.closeAllConnections() misses sockets that never sent a request.
    for (const socket of this.#unanswered.keys()) socket.destroy();
  }

  /** The answers that `socket` still owes; forgotten with the socket, however it ends. */
  #follow(socket: Socket): Set<ServerResponse> {
    const known = this.#unanswered.get(socket);
    if (known) return known;
    const responses = new Set<ServerResponse>();
    this.#unanswered.set(socket, responses);
    socket.once('close', () => {
      this.#unanswered.delete(socket);
      this.#checkIdle();
    });
    return responses;
  }

  /** Waits until no answer is owed and no handler is at work, or `signal` aborts. */
  async #idle(signal: AbortSignal): Promise<void> {
    const idle = new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
    this.#checkIdle();
    await Promise.race([idle, aborted(signal)]);
  }

  #checkIdle(): void {
    if (!this.#onIdle || this.#scopes.size > 0) return;
    for (const responses of this.#unanswered.values()) if (responses.size > 0) return;
    this.#onIdle();
  }
}
