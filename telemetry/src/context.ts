import { AsyncLocalStorage } from 'node:async_hooks';
import {
  type Context,
  type ContextManager,
  context,
  createContextKey,
  ROOT_CONTEXT,
  type Span,
  trace,
} from '@opentelemetry/api';
import type { Served } from './served.ts';

/** What belongs to what: the one thing here that is ambient, and only where telemetry is on. */
export const contexts = new AsyncLocalStorage<Context>();

const SERVED = createContextKey('the request that is served');

/** The context of work for `served`, under its span. */
export function contextOf(served: Served): Context {
  return trace.setSpan(ROOT_CONTEXT.setValue(SERVED, served), served.span);
}

/** The context under `span`, of work for the same request. */
export function contextUnder(span: Span): Context {
  return trace.setSpan(active(), span);
}

export function active(): Context {
  return contexts.getStore() ?? ROOT_CONTEXT;
}

/** The request that is served here. */
export function currentServed(): Served | undefined {
  return active().getValue(SERVED) as Served | undefined;
}

/** Lets spans of a service's own, made with the API, take their place in the trace. */
export function shareContexts(): void {
  const manager: ContextManager = {
    active,
    with: (given, work, self, ...args) => contexts.run(given, () => work.call(self, ...args)),
    bind(given, target) {
      if (typeof target !== 'function') return target;
      const bound = (...args: unknown[]) => contexts.run(given, () => target(...args));
      return bound as typeof target;
    },
    enable: () => manager,
    disable: () => manager,
  };
  context.setGlobalContextManager(manager);
}
