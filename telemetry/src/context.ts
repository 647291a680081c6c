import { AsyncLocalStorage } from 'node:async_hooks';
import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type Attributes,
  type Context,
  type ContextManager,
  context,
  createContextKey,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  trace,
} from '@opentelemetry/api';
import type { Failure } from 'request-scope-otel';
import { NO_SPAN } from './tracing.ts';

/** A request from its arrival until it has been answered and the work for it has ended. */
export interface ActiveRequest {
  req: IncomingMessage;
  res: ServerResponse;
  span: Span;
  /** Its method and scheme. */
  labels: Attributes;
  startedAt: number;
  /** Whether its span is the first of its trace. */
  isRoot: boolean;
  /** Whether a log line has had the address of its trace. */
  hasLoggedUrl: boolean;
  /** Whether the operating system has taken the last byte of the response. */
  isAnswered: boolean;
  /** Whether nothing more can be sent. */
  isClosed: boolean;
  openScopes: number;
  /** Why its work was canceled, and after how long. */
  canceled?: { cause: string; elapsedMs: number };
  /** Why it failed, where that is known better than from its status. */
  failure?: Failure;
  /** The span of the last call made for it. */
  lastCall?: SpanContext;
}

/** The context of the running code. Only telemetry has ambient state; the services have none. */
export const contexts = new AsyncLocalStorage<Context>();

const REQUEST = createContextKey('active request');

/** The context of the work for `request`, under its span. */
export function contextOf(request: ActiveRequest): Context {
  const context = ROOT_CONTEXT.setValue(REQUEST, request);
  return request.span === NO_SPAN ? context : trace.setSpan(context, request.span);
}

/** The current context, with `span` as the current span. */
export function contextUnder(span: Span): Context {
  return trace.setSpan(active(), span);
}

export function active(): Context {
  return contexts.getStore() ?? ROOT_CONTEXT;
}

/** The request that the running code works for. */
export function currentRequest(): ActiveRequest | undefined {
  return active().getValue(REQUEST) as ActiveRequest | undefined;
}

/** Makes this context OpenTelemetry's: spans that a service starts with its API become part of the trace. */
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
