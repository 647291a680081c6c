import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { ShuttingDown } from './cause.ts';
import { type AnyServer, followConnections } from './connections.ts';
import { Scope, timerMs } from './scope.ts';

/** How long handlers and hooks have, once they are aborted, to answer or to say what is left. */
export const ABORTED_TIMEOUT_MS = 1_000;

/**
 * Drains a service: no new connections, time for the requests in flight, then an abort for those that
 * are left. One instance a service, made before the app and attached to its server, or to each of them.
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
    setMaxListeners(0, this.signal); // As many streams as there are: from eleven on Node would warn.
  }

  /** True from the first moment of the drain: health checks answer 503 from then on. */
  get draining(): boolean {
    return this.#drained !== undefined;
  }

  /** How many scopes a drain has to wait for: requests in flight, unless others were registered. */
  get inFlight(): number {
    return this.#scopes.size;
  }

  /** Aborts once nothing new is accepted: for streams and queues, which have no end of their own. */
  readonly signal: AbortSignal = this.#leaving.signal;

  /** The drain waits for `scope`, and aborts it when time is up, until the returned function is called. */
  register(scope: Scope): () => void {
    if (this.#timeIsUp) scope.abort(new ShuttingDown());
    this.#scopes.add(scope);
    return () => {
      this.#scopes.delete(scope);
      this.#checkIdle();
    };
  }

  /**
   * Follows a server's connections. Call it when its listeners are set, before it listens. An answer on
   * a connection older than `maxConnectionAgeMs` closes it, so that its client finds new replicas too.
   */
  attach(server: AnyServer, maxConnectionAgeMs = Number.POSITIVE_INFINITY): void {
    this.#servers.push(followConnections(server, maxConnectionAgeMs, () => this.#checkIdle()));
  }

  /**
   * Adds work that must finish before the process leaves and is no request (a queue, an undo). It is
   * called once the requests have ended, with a signal that aborts `timeoutMs` milliseconds later; what is
   * no number is a RangeError.
   */
  afterRequests(hook: (signal: AbortSignal) => Promise<void>, timeoutMs: number): void {
    const limitMs = timerMs(timeoutMs + ABORTED_TIMEOUT_MS);
    this.#hooks.push(async () => {
      const time = new Scope(timeoutMs); // `using` would bring a kilobyte of helpers with it.
      try {
        await within(limitMs, hook(time.signal));
      } finally {
        time[Symbol.dispose]();
      }
    });
  }

  /**
   * Resolves when every connection is closed: the service goes on accepting for `delayMs`, so that a
   * load balancer sees `draining`; requests in flight go on for `timeoutMs`; those that are left are
   * aborted and have a second to answer. Happens once, whoever calls it; rejects if a hook did. What is
   * no number is a RangeError.
   */
  drain(timeoutMs: number, delayMs = 0): Promise<void> {
    this.#drained ??= this.#drain(timerMs(timeoutMs), timerMs(delayMs));
    return this.#drained;
  }

  async #drain(timeoutMs: number, delayMs: number): Promise<void> {
    for (const server of this.#servers) server.closeAfterAnswers();
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

  /** Waits until no answer is owed and no handler is at work, or `timeoutMs` have passed. */
  #idle(timeoutMs: number): Promise<void> {
    const idle = new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
    this.#checkIdle();
    return within(timeoutMs, idle);
  }

  #checkIdle(): void {
    if (!this.#onIdle || this.#scopes.size > 0) return;
    if (!this.#servers.some((server) => server.oweAnswers())) this.#onIdle();
  }
}

/** Waits for `work`, but not longer than `ms`; its timer keeps the process until then. */
async function within(ms: number, work: Promise<void>): Promise<void> {
  const over = new AbortController();
  const time = sleep(ms, undefined, { signal: over.signal }).catch(() => {});
  await Promise.race([work, time]).finally(() => over.abort());
}
