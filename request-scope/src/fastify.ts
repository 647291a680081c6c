import type { AnyServer, ServedRequest, ServedResponse } from './connections.ts';
import { GracefulShutdown } from './graceful-shutdown.ts';
import type { Scope } from './scope.ts';
import { prepareScope, scopeOf as scopeOfResponse } from './scope-of.ts';

interface Reply {
  raw: ServedResponse;
}

type OnRequest = (request: { raw: ServedRequest }, reply: Reply, done: () => void) => void;

/** What is needed of a Fastify instance. */
interface Fastify {
  server: AnyServer;
  addHook(name: 'onRequest', hook: OnRequest): unknown;
  addHook(name: 'preClose', hook: () => Promise<void>): unknown;
}

/** `drainTimeoutMs`: how long requests in flight have at `fastify.close()`, 8 s unless it is set. */
export interface RequestScopesOptions {
  drainTimeoutMs?: number;
  shutdown?: GracefulShutdown;
}

/**
 * Fastify plugin that gives each request a scope, for `scopeOf(reply)`. `fastify.close()` drains first.
 */
export function requestScopes(
  fastify: Fastify,
  { drainTimeoutMs = 8_000, shutdown = new GracefulShutdown() }: RequestScopesOptions,
  done: () => void,
): void {
  shutdown.attach(fastify.server);
  fastify.addHook('onRequest', (request, reply, next) => {
    prepareScope(request.raw, reply.raw, shutdown);
    next();
  });
  fastify.addHook('preClose', () => shutdown.drain(drainTimeoutMs));
  done();
}

// For the whole application, and not only for what is registered beside it.
Object.assign(requestScopes, { [Symbol.for('skip-override')]: true });

/** The scope of the request that `reply` answers. See scopeOf of Express. */
export function scopeOf(reply: Reply): Scope {
  return scopeOfResponse(reply.raw);
}
