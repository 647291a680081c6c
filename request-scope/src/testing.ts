import { createHook } from 'node:async_hooks';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { type EventEmitter, getEventListeners, once } from 'node:events';
import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type RequestListener,
  request as requestOf,
  Server,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import {
  type Cancellation,
  ClientDisconnected,
  ConnectionClosed,
  DeadlineExceeded,
  ShuttingDown,
} from './cause.ts';
import type { ScopeBegun, ScopeEnded } from './scope.ts';

/**
 * A new instance of each cause, for `scope.abort(cause)` in a test that has made `scope` with `new Scope()`. For a
 * deadline that has passed by the clock, too, make `new Scope(0)`.
 */
export function causes(): Cancellation[] {
  return [
    new ClientDisconnected(),
    new ConnectionClosed(),
    new DeadlineExceeded(),
    new ShuttingDown(),
  ];
}

export interface RequestOptions {
  /** `/` if not set. */
  path?: string;
  /** `GET` if not set. */
  method?: string;
  /** Besides those that Node sets by itself. */
  headers?: OutgoingHttpHeaders;
  /** Sent whole, at once; none if not set. */
  body?: string | Uint8Array;
}

/** A request whose client a test can let hang up. */
export interface OpenRequest extends AsyncDisposable {
  /** Resolves with the response once its head has arrived. */
  response: Promise<IncomingMessage>;
  /**
   * Closes the client's connection, and resolves once the server has noticed. Then closes the server, if
   * `openRequest` has opened it. A second call returns the promise of the first.
   *
   * @param withinMs how many milliseconds the server has to notice; 5,000 if not set.
   * @throws Error if the server does not notice in time, as behind a body that nobody reads.
   */
  hangUp(withinMs?: number): Promise<void>;
}

/**
 * Sends a request over a connection of its own on loopback, and resolves once its handler has begun.
 *
 * @param target a listener, such as an Express app, or a server, such as `fastify.server` after
 *   `fastify.ready()`. If it does not listen, it does until `hangUp()`, on a free port.
 * @param options the request.
 * @throws what the connection fails with, or an Error if the server refuses the request by itself, as with 417 or 431.
 */
export async function openRequest(
  target: RequestListener | Server,
  { path = '/', method = 'GET', headers = {}, body }: RequestOptions = {},
): Promise<OpenRequest> {
  const server = target instanceof Server ? target : createServer(target);
  const isOurs = !server.listening;
  if (isOurs) await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const request = requestOf({ port, path, method, headers, agent: false });
  const failed = once(request, 'error').then(([error]) => Promise.reject(error));
  const response = once(request, 'response').then(([it]) => it.on('error', () => {}));
  const refused = response.then(({ statusCode }) => {
    throw new Error(`the server has responded with ${statusCode} before its handler could`);
  });
  for (const it of [failed, response, refused]) it.catch(() => {});
  let onRequest = (_req: IncomingMessage) => {};
  const arrived = new Promise<Socket>((resolve) => {
    onRequest = ({ socket }) => {
      if (socket.remotePort === request.socket?.localPort) resolve(socket);
    };
  });
  server.prependListener('request', onRequest);
  request.end(body);
  // Not awaited: other requests may still be open.
  const close = () => {
    if (isOurs) server.close();
  };
  const socket = await Promise.race([arrived, failed, refused])
    .catch((error) => {
      request.destroy();
      close();
      throw error;
    })
    .finally(() => server.off('request', onRequest));

  const noticed = (withinMs: number) =>
    new Promise<void>((resolve, reject) => {
      if (socket.closed) return resolve();
      const error = new Error('the server has not noticed the hang-up: has it read the body?');
      const timer = setTimeout(() => reject(error), withinMs);
      socket.once('close', () => {
        clearTimeout(timer);
        resolve();
      });
    });
  const leave = async (withinMs: number) => {
    request.destroy();
    try {
      await noticed(withinMs);
    } finally {
      socket.destroy();
      close();
    }
  };
  let left: Promise<void> | undefined;
  const hangUp = (withinMs = 5_000) => {
    left ??= leave(withinMs);
    return left;
  };
  return { response, hangUp, [Symbol.asyncDispose]: () => hangUp() };
}

export interface LeftoverOptions {
  /** Whose listeners count, besides those of `process`: emitters and signals that outlive `work`. */
  listenersOf?: (EventEmitter | AbortSignal)[];
  /** How long after `work` something may still be there, in milliseconds; 2,000 if not set. */
  withinMs?: number;
}

/**
 * Runs `work`, and resolves with its result once nothing is left of it: no scope that is open, no timer that keeps
 * the process alive, no listener. Other tests of the process must not run meanwhile. Rejects with what `work` throws.
 *
 * @param options what else to look at, and how long to wait.
 * @throws Error if something is left, with a line for each: what it is, and for a timer where it was set.
 */
export async function expectNothingLeft<Result>(
  work: () => Result | PromiseLike<Result>,
  { listenersOf = [], withinMs = 2_000 }: LeftoverOptions = {},
): Promise<Result> {
  const scopes = new Map<object, string>();
  const timers = new Map<number, { timer: NodeJS.Timeout; setAt: string }>();
  const targets = [process, ...listenersOf];
  const before = targets.map(countListeners);

  const onBegun = (message: unknown) => {
    const { scope, request, parent } = message as ScopeBegun;
    const { method, url } = { method: '', url: '', ...request };
    const kind = parent ? 'a child scope' : 'a scope';
    scopes.set(scope, request ? `the scope of ${method} ${url}` : kind);
  };
  const onEnded = (message: unknown) => scopes.delete((message as ScopeEnded).scope);
  const hook = createHook({
    init(id, type, _trigger, resource) {
      if (type !== 'Timeout') return;
      const frames = String(new Error().stack).split('\n').slice(2);
      const setAt = frames.find((frame) => !frame.includes('node:')) ?? '';
      timers.set(id, { timer: resource as NodeJS.Timeout, setAt: setAt.trim() });
    },
    destroy: (id) => void timers.delete(id),
  });

  const left = (): string[] => [
    ...[...scopes.values()].map((scope) => `${scope}, which is open`),
    ...[...timers.values()]
      .filter(({ timer }) => timer.hasRef())
      .map(({ setAt }) => `a timer, set ${setAt}`),
    ...targets.flatMap((target, at) => {
      const more = countListeners(target) - Number(before[at]);
      return more > 0 ? [`listeners of ${target.constructor.name}: ${more} more`] : [];
    }),
  ];

  subscribe('request-scope:begun', onBegun);
  subscribe('request-scope:ended', onEnded);
  hook.enable();
  try {
    const result = await work();
    const endsAt = performance.now() + withinMs;
    while (left().length > 0) {
      if (performance.now() > endsAt) throw new Error(`left behind:\n${left().join('\n')}`);
      await turn();
    }
    return result;
  } finally {
    hook.disable();
    unsubscribe('request-scope:begun', onBegun);
    unsubscribe('request-scope:ended', onEnded);
  }
}

function countListeners(target: EventEmitter | AbortSignal): number {
  if (target instanceof AbortSignal) return getEventListeners(target, 'abort').length;
  return target.eventNames().reduce((sum, name) => sum + target.listenerCount(name), 0);
}
