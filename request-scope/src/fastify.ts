import { readBudgetMs } from './budget.ts';
import type { AnyServer, ServedRequest, ServedResponse } from './connections.ts';
import { GracefulShutdown } from './graceful-shutdown.ts';
import { prepareScope, type ScopeOptions, scopeOf as scopeOfResponse } from './request-scope.ts';
import type { Scope } from './scope.ts';

interface Reply {
  raw: ServedResponse;
}

type OnRequest = (request: { raw: ServedRequest }, reply: Reply, done: () => void) => void;

/** The part of a Fastify instance that the plugin uses. */
interface Fastify {
  server: AnyServer;
  addHook(name: 'onRequest', hook: OnRequest): unknown;
  addHook(name: 'preClose', hook: () => Promise<void>): unknown;
}

export interface PluginOptions extends ScopeOptions {
  /** How long `fastify.close()` lets requests in flight go on, in milliseconds; 8,000 if not set. */
  drainTimeoutMs?: number;
}

/**
 * Fastify plugin that gives each request a scope, for `scopeOf(reply)`. `fastify.close()` drains first. Without
 * `shutdown` the plugin makes a GracefulShutdown of its own; either one is attached to Fastify's server.
 *
 * @param fastify the instance that `register` passes.
 * @param options those that `register` was given.
 * @throws RangeError if `header` names none.
 */
export default async function scopes(
  fastify: Fastify,
  { drainTimeoutMs = 8_000, shutdown = new GracefulShutdown(), header }: PluginOptions,
): Promise<void> {
  readBudgetMs({}, { header }); // Throws now, not at the first request, if there is no such header.
  shutdown.attach(fastify.server);
  fastify.addHook('onRequest', (request, reply, next) => {
    prepareScope(request.raw, reply.raw, { shutdown, header });
    next();
  });
  fastify.addHook('preClose', () => shutdown.drain(drainTimeoutMs));
}

// Fastify would otherwise limit the hooks to routes that are registered within the plugin.
Object.assign(scopes, { [Symbol.for('skip-override')]: true });

/**
 * The scope of the request that `reply` answers: see `scopeOf` of `request-scope/express`.
 *
 * @throws Error if the plugin is not registered.
 */
export function scopeOf(reply: Reply): Scope {
  return scopeOfResponse(reply.raw);
}
