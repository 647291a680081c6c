import { AsyncLocalStorage } from 'node:async_hooks';
import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type Context,
  type ContextManager,
  context,
  createContextKey,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  trace,
} from '@opentelemetry/api';

/** A request while it is served. */
export interface Served {
  req: IncomingMessage;
  res: ServerResponse;
  span: Span;
  startedAt: number;
  /** Whether the trace begins here. */
  isRoot: boolean;
  isLinked: boolean;
  /** Whether the operating system has taken the last byte of the answer. */
  isAnswered: boolean;
  /** Whether nothing more can be answered. */
  isClosed: boolean;
  /** Scopes of it that have begun and not ended. */
  openScopes: number;
  /** Why its work was canceled, and how long that had taken. */
  canceled?: { cause: string; elapsedMs: number };
  /** Why it failed; `type` is of a small fixed set. */
  failed?: { type: string; message: string };
  /** The call that was made last for it. */
  lastCall?: SpanContext;
}

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
