import type { ServerResponse } from 'node:http';
import {
  context,
  createContextKey,
  type Meter,
  metrics,
  type Span,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import type { ScopeAborted, ScopeBegun, ScopeEnded, ScopeView } from 'request-scope';
import { listen } from './channels.ts';
import { createInstruments } from './instruments.ts';
import { codeLabel, failureOfCause } from './labels.ts';
import { rememberDuration, savedMs } from './usual-duration.ts';

export interface ObserveOptions {
  /** Where the metrics are made; by default the global meter provider's. */
  meter?: Meter | undefined;
}

/** What stock instrumentation notes of a request in its context. */
interface RpcMetadata {
  span: Span;
  route?: string;
}

const RPC_METADATA = createContextKey('OpenTelemetry SDK Context Key RPC_METADATA');

/** A node:http request, with its route if it is one of Express, or a web-standard Request. */
type AnyRequest = object & { method?: string; route?: { path?: unknown } };

interface WatchedScope {
  /** Undefined for a child of a request's scope. */
  request: AnyRequest | undefined;
  parent: ScopeView | undefined;
  rpc: RpcMetadata | undefined;
  span: Span | undefined;
  begunAt: number;
  abortedAt?: number;
}

const WATCHED: unique symbol = Symbol('watched');

/** A scope or a request. A property, because a WeakMap entry costs the garbage collector more. */
type Watchable = object & { [WATCHED]?: WatchedScope };

/**
 * Counts cancellations, measures how long work continues after one, and says on the span of each canceled request
 * why it was canceled. The span is the one that stock instrumentation made for the request, or else the current one
 * when its scope was opened. Scopes without a request do not count, their children neither. The global meter
 * provider is asked at the first cancellation.
 *
 * @param options the meter.
 * @returns a function that stops this.
 */
export function observe({ meter }: ObserveOptions = {}): () => void {
  let made: ReturnType<typeof createInstruments> | undefined;
  const instruments = () => {
    made ??= createInstruments(meter ?? metrics.getMeter('request-scope-otel'));
    return made;
  };

  const begun = ({ scope, request, parent }: ScopeBegun) => {
    if (!request && !(parent as Watchable | undefined)?.[WATCHED]) return;
    const rpc = request && (context.active().getValue(RPC_METADATA) as RpcMetadata | undefined);
    const span = request && (rpc?.span ?? trace.getActiveSpan());
    const watched: WatchedScope = { request, parent, rpc, span, begunAt: performance.now() };
    (scope as Watchable)[WATCHED] = watched;
    if (request) (request as Watchable)[WATCHED] = watched;
  };

  const aborted = ({ scope, code, elapsedMs }: ScopeAborted) => {
    const watched = (scope as Watchable)[WATCHED];
    // A child that is aborted because its parent was is the same cancellation.
    if (!watched || watched.parent?.signal.aborted) return;
    watched.abortedAt = performance.now();
    const cause = { 'request_scope.cause': codeLabel(code) };
    instruments().canceled.add(1, cause);
    if (!watched.request) return;
    const route = routeOf(watched);
    const saved = route && savedMs(`${watched.request.method} ${route}`, elapsedMs);
    if (typeof saved === 'number') {
      instruments().savedMs.add(saved, { ...cause, 'http.route': route });
      watched.span?.setAttribute('request_scope.saved_ms', saved);
    }
    if (watched.span) describe(watched.span, code, elapsedMs);
  };

  const ended = ({ scope }: ScopeEnded) => {
    const { abortedAt } = (scope as Watchable)[WATCHED] ?? {};
    if (abortedAt === undefined) return;
    instruments().workAfterAbortMs.record(performance.now() - abortedAt);
  };

  interface Finished {
    request: AnyRequest & Watchable;
    response: ServerResponse;
  }
  const finished = ({ request, response }: Finished) => {
    const { [WATCHED]: watched } = request;
    const route = watched && watched.abortedAt === undefined && routeOf(watched);
    if (!route || response.statusCode >= 400) return;
    rememberDuration(`${request.method} ${route}`, performance.now() - watched.begunAt);
  };

  const stops = [
    listen('request-scope:begun', begun),
    listen('request-scope:aborted', aborted),
    listen('request-scope:ended', ended),
    listen('http.server.response.finish', finished),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

/** The route as stock instrumentation or Express has it, since the path itself may be anything. */
function routeOf({ rpc, request }: WatchedScope): string | undefined {
  const path = rpc?.route ?? request?.route?.path;
  return typeof path === 'string' ? path : undefined;
}

function describe(span: Span, code: string, elapsedMs: number): void {
  span.setAttributes({ 'request_scope.cause': code, 'request_scope.elapsed_ms': elapsedMs });
  span.addEvent('canceled', { 'request_scope.cause': code });
  const failure = failureOfCause(code);
  if (!failure) return;
  span.setAttribute('error.type', failure.type);
  span.setStatus({ code: SpanStatusCode.ERROR, message: failure.message });
}
