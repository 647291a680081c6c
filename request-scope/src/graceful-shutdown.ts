import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { ShuttingDown } from './cause.ts';
import { type AnyServer, followConnections } from './connections.ts';
import { ABORTED_TIMEOUT_MS, REGISTER } from './register.ts';
import { Scope, timerMs } from './scope.ts';

export interface AttachOptions {
  /** A connection older than this, in milliseconds, is closed with its next response; never if not set. */
  maxConnectionAgeMs?: number | undefined;
}

/**
 * Drains a service: it stops accepting connections, gives the requests in flight time to finish, and aborts
 * the rest. Create one instance per service, before the app, and attach it to each of its servers.
 */
export class GracefulShutdown {
  readonly #leaving = new AbortController();
  readonly #scopes = new Set<Scope>();
  readonly #hooks: (() => Promise<void>)[] = [];
  readonly #servers: ReturnType<typeof followConnections>[] = [];
  #drained: Promise<void> | undefined;
  #timeIsUp = false;
  #onIdle: (() => void) | undefined;

  constructor() {
    setMaxListeners(Number.POSITIVE_INFINITY, this.signal); // Every stream may listen: see Scope.
  }

  /** True from the moment the drain begins. Health checks should answer 503 from then on. */
  get draining(): boolean {
    return this.#drained !== undefined;
  }

  /** The number of requests in flight, for which a drain has to wait. */
  get inFlight(): number {
    return this.#scopes.size;
  }

  /** Aborts once nothing new is accepted. Endless streams and queue loops should stop then. */
  readonly signal: AbortSignal = this.#leaving.signal;

  /**
   * The drain waits for `scope`, and aborts it when time is up, until the returned function is called.
   *
   * @internal
   */
  [REGISTER](scope: Scope): () => void {
    if (this.#timeIsUp) scope.abort(new ShuttingDown());
    this.#scopes.add(scope);
    return () => {
      this.#scopes.delete(scope);
      this.#checkIdle();
    };
  }

  /**
   * Follows the connections of a server. Call it after the server's listeners are set and before it listens.
   * With `maxConnectionAgeMs` clients reconnect from time to time, and thus find new replicas.
   *
   * @param server of node:http, node:https or node:http2.
   * @param options the age limit of connections.
   */
  attach(
    server: AnyServer,
    { maxConnectionAgeMs = Number.POSITIVE_INFINITY }: AttachOptions = {},
  ): void {
    this.#servers.push(followConnections(server, maxConnectionAgeMs, () => this.#checkIdle()));
  }

  /**
   * Adds work that must finish before the process exits and is not a request, such as a queue or an undo. The
   * drain calls `hook` once the requests have ended, with a signal that aborts `timeoutMs` milliseconds later. It
   * waits for the hook until one second after that.
   *
   * @throws RangeError if `timeoutMs` is not a number.
   */
  afterRequests(hook: (signal: AbortSignal) => Promise<void>, timeoutMs: number): void {
    const limitMs = timerMs(timeoutMs + ABORTED_TIMEOUT_MS);
    this.#hooks.push(async () => {
      const time = new Scope(timeoutMs); // `using` would add a kilobyte of helpers.
      try {
        await within(limitMs, hook(time.signal));
      } finally {
        time[Symbol.dispose]();
      }
    });
  }

  /**
   * Resolves when every connection is closed. The service accepts requests for another `delayMs` milliseconds, so
   * that a load balancer notices `draining`. Requests in flight then have `timeoutMs` milliseconds; the rest are
   * aborted and have one second to respond. The hooks of `afterRequests` follow. A second call returns the promise
   * of the first. Rejects if a hook did.
   *
   * @throws RangeError if a time is not a number.
   */
  drain(timeoutMs: number, delayMs = 0): Promise<void> {
    this.#drained ??= this.#drain(timerMs(timeoutMs), timerMs(delayMs));
    return this.#drained;
  }

  async #drain(timeoutMs: number, delayMs: number): Promise<void> {
    for (const server of this.#servers) server.closeAfterResponses();
    if (delayMs > 0) await sleep(delayMs);
    this.#leaving.abort(new ShuttingDown());
    for (const server of this.#servers) server.stopAccepting();
    await this.#idle(timeoutMs);
    this.#timeIsUp = true;
    for (const scope of this.#scopes) scope.abort(new ShuttingDown());
    await this.#idle(ABORTED_TIMEOUT_MS);
    const hooks = await Promise.allSettled(this.#hooks.map((hook) => hook()));
    for (const server of this.#servers) server.destroy();
    for (const hook of hooks) if (hook.status === 'rejected') throw hook.reason;
  }

  /** Waits until no response is pending and no scope is open, or `timeoutMs` have passed. */
  #idle(timeoutMs: number): Promise<void> {
    const idle = new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
    this.#checkIdle();
    return within(timeoutMs, idle);
  }

  #checkIdle(): void {
    if (!this.#onIdle || this.#scopes.size > 0) return;
    if (!this.#servers.some((server) => server.hasPendingResponses())) this.#onIdle();
  }
}

/** Waits for `work`, at most `ms` milliseconds. Its timer keeps the process alive until then. */
async function within(ms: number, work: Promise<void>): Promise<void> {
  const over = new AbortController();
  const time = sleep(ms, undefined, { signal: over.signal }).catch(() => {});
  await Promise.race([work, time]).finally(() => over.abort());
}
