import { once } from 'node:events';
import type { Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { ShuttingDown } from './cause.ts';
import { Connections } from './connections.ts';
import { Scope } from './scope.ts';

/** How long aborted handlers have to answer. */
const ABORTED_TIMEOUT_MS = 1_000;

/** How long a hook has to say what it could not finish. */
const GIVE_UP_TIMEOUT_MS = 250;

/** Work of a hook; its signal aborts when the hook's time is up. */
type Hook = (signal: AbortSignal) => Promise<void>;

/**
 * Drains one server: no new connections, time for the requests in flight, then an abort for those
 * that are left. One instance a service, made before the app and attached to its server.
 */
export class GracefulShutdown {
  readonly #leaving = new Scope();
  readonly #scopes = new Set<Scope>();
  readonly #hooks: (() => Promise<void>)[] = [];
  #connections: Connections | undefined;
  #draining = false;
  #drained: Promise<void> | undefined;
  #timeIsUp = false;
  #onIdle: (() => void) | undefined;

  /** True from the first moment of the drain: health checks answer 503 from then on. */
  get draining(): boolean {
    return this.#draining;
  }

  /**
   * Aborts with ShuttingDown once nothing new is accepted: for what has no end of its own, such as a
   * streamed answer, a WebSocket or a loop that takes jobs from a queue.
   */
  get signal(): AbortSignal {
    return this.#leaving.signal;
  }

  /** How many requests' scopes are open. */
  get inFlight(): number {
    return this.#scopes.size;
  }

  /** The drain waits for `scope`, and aborts it when time is up, until the returned call. */
  register(scope: Scope): () => void {
    if (this.#timeIsUp) scope.abort(new ShuttingDown());
    this.#scopes.add(scope);
    return () => {
      this.#scopes.delete(scope);
      this.#checkIdle();
    };
  }

  /** Follows the server's connections and answers. Call it when its listeners are set, before it listens. */
  attach(server: Server): void {
    this.#connections = new Connections(server, () => this.#checkIdle());
  }

  /**
   * Adds work that must finish before the process leaves and is no request (a queue, an undo). It
   * begins once the requests have ended, and its signal aborts `timeoutMs` milliseconds later.
   */
  afterRequests(hook: Hook, timeoutMs: number): void {
    this.#hooks.push(() => inTime(hook, timeoutMs));
  }

  /**
   * Resolves when every connection is closed. For `delayMs` milliseconds the service goes on as before,
   * but for `draining`; then it accepts nothing, and requests in flight may go on for `timeoutMs`;
   * those that are left are aborted with ShuttingDown and have a second to answer. Rejects, at the
   * end, if a hook did. Every call after the first returns the same promise.
   */
  drain(timeoutMs: number, delayMs = 0): Promise<void> {
    this.#drained ??= this.#drain(timeoutMs, delayMs);
    return this.#drained;
  }

  async #drain(timeoutMs: number, delayMs: number): Promise<void> {
    this.#draining = true;
    this.#connections?.closeAfterAnswers();
    if (delayMs > 0) await sleep(delayMs);
    this.#leaving.abort(new ShuttingDown());
    this.#connections?.stopAccepting();
    await this.#idle(timeoutMs);
    this.#timeIsUp = true;
    for (const scope of this.#scopes) scope.abort(new ShuttingDown());
    await this.#idle(ABORTED_TIMEOUT_MS);
    const ended = await Promise.allSettled(this.#hooks.map((hook) => hook()));
    this.#connections?.destroy();
    for (const hook of ended) if (hook.status === 'rejected') throw hook.reason;
  }

  /** Waits until no answer is owed and no handler is at work, or `timeoutMs` have passed. */
  async #idle(timeoutMs: number): Promise<void> {
    using limit = new Scope(timeoutMs);
    const idle = new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
    this.#checkIdle();
    await Promise.race([idle, aborted(limit.signal)]);
  }

  #checkIdle(): void {
    if (this.#onIdle && this.#scopes.size === 0 && !this.#connections?.busy) this.#onIdle();
  }
}

async function inTime(hook: Hook, timeoutMs: number): Promise<void> {
  using time = new Scope(timeoutMs);
  using end = new Scope(timeoutMs + GIVE_UP_TIMEOUT_MS);
  await Promise.race([hook(time.signal), aborted(end.signal)]);
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
}
