import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import {
  type Attributes,
  type Context,
  type Meter,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  trace,
} from '@opentelemetry/api';
import type { ScopeAborted, ScopeBegun, ScopeEnded } from 'request-scope';
import { codeLabel, type Failure, failureOfCause } from 'request-scope-otel';
import { listen } from './channels.ts';
import { type ActiveRequest, contextOf, contexts, currentRequest } from './context.ts';
import type { Instruments } from './instruments.ts';
import { methodLabel, setFailure } from './labels.ts';
import { NO_SPAN, type Tracing } from './tracing.ts';

/** Probes are frequent and say nothing, so they get no span and no metric. */
const IGNORED = /^\/(health|metrics)\/?(\?|$)/;

const getter = {
  keys: (headers: IncomingMessage['headers']) => Object.keys(headers),
  get: (headers: IncomingMessage['headers'], name: string) => headers[name],
};

/**
 * The metrics, and with `tracing` a span, for each request that node:http serves. A request ends when its response has
 * been sent or its connection has closed, **and** the work for it has ended: work that continues after
 * a hang-up is part of its span.
 *
 * @returns a function that ends all requests still active, for a process about to exit.
 */
export function watchRequests(
  tracing: Tracing | undefined,
  meter: Meter,
  instruments: Instruments,
): () => void {
  const all = new Set<ActiveRequest>();
  countActive(meter, all);

  interface Started {
    request: IncomingMessage;
    response: ServerResponse;
  }
  listen<Started>('http.server.request.start', ({ request: req, response: res }) => {
    const { url = '', socket } = req;
    if (IGNORED.test(url)) return contexts.enterWith(ROOT_CONTEXT);
    const caller = tracing?.propagator.extract(ROOT_CONTEXT, req.headers, getter) ?? ROOT_CONTEXT;
    const request: ActiveRequest = {
      req,
      res,
      span: tracing ? startSpan(tracing, req, caller) : NO_SPAN,
      labels: labelsOf(req),
      startedAt: performance.now(),
      isRoot: trace.getSpan(caller) === undefined,
      hasLoggedUrl: false,
      isAnswered: false,
      isClosed: false,
      openScopes: 0,
    };
    all.add(request);
    (req as Watched)[REQUEST] = request;
    res.once('finish', () => {
      request.isAnswered = !socket.destroyed;
      close(request);
    });
    requestsOn(socket).add(request);
    contexts.enterWith(contextOf(request));
  });

  /** The active requests of a connection. Node does not always emit `close` on a response after a hang-up. */
  const requestsOn = (socket: WatchedSocket): Set<ActiveRequest> => {
    const known = socket[REQUESTS];
    if (known) return known;
    const requests = new Set<ActiveRequest>();
    socket[REQUESTS] = requests;
    socket.once('close', () => {
      // The scope's listener for this event comes later, and must record the cause first.
      setImmediate(() => {
        for (const request of requests) close(request);
      });
    });
    return requests;
  };

  const close = (request: ActiveRequest) => {
    request.isClosed = true;
    endIfOver(request);
  };

  const endIfOver = (request: ActiveRequest) => {
    if (request.isClosed && request.openScopes === 0) end(request);
  };

  const end = (request: ActiveRequest) => {
    (request.req.socket as WatchedSocket)[REQUESTS]?.delete(request);
    if (all.delete(request)) complete(request, instruments);
  };

  listen<ScopeBegun>('request-scope:begun', ({ scope, request: req }) => {
    if (!req) return;
    const request = (req as Watched)[REQUEST] ?? currentRequest();
    if (!request) return;
    (scope as Watched)[REQUEST] = request;
    request.openScopes += 1;
  });
  listen<ScopeAborted>('request-scope:aborted', ({ scope, code, elapsedMs }) => {
    const request = (scope as Watched)[REQUEST];
    if (request) request.canceled ??= { cause: code, elapsedMs };
  });
  listen<ScopeEnded>('request-scope:ended', ({ scope }) => {
    const request = (scope as Watched)[REQUEST];
    if (!request) return;
    request.openScopes -= 1;
    endIfOver(request);
  });
  return () => all.forEach(end);
}

const REQUEST: unique symbol = Symbol('active request');
const REQUESTS: unique symbol = Symbol('active requests');

/** Properties, because a WeakMap entry per request costs the garbage collector more. */
type Watched = object & { [REQUEST]?: ActiveRequest };
type WatchedSocket = Socket & { [REQUESTS]?: Set<ActiveRequest> };

const knownLabels = new Map<string, Attributes>();

/** The labels that a request has from its beginning; the same object for the same labels. */
function labelsOf(req: IncomingMessage): Attributes {
  const method = methodLabel(req.method);
  const scheme = 'encrypted' in req.socket ? 'https' : 'http';
  const key = `${method} ${scheme}`;
  const known = knownLabels.get(key);
  if (known) return known;
  const labels = { 'http.request.method': method, 'url.scheme': scheme };
  knownLabels.set(key, labels);
  return labels;
}

/** Counts `requests` when the metrics are collected, which costs a request nothing. */
function countActive(meter: Meter, requests: Set<ActiveRequest>): void {
  meter
    .createObservableUpDownCounter('http.server.active_requests', {
      description: 'Requests in flight',
      unit: '{request}',
    })
    .addCallback((gauge) => {
      // Labels without a request are 0, not absent.
      const counts = new Map([...knownLabels.values()].map((labels) => [labels, 0]));
      for (const { labels } of requests) counts.set(labels, (counts.get(labels) ?? 0) + 1);
      for (const [labels, count] of counts) gauge.observe(count, labels);
    });
}

function startSpan({ tracer }: Tracing, req: IncomingMessage, caller: Context): Span {
  const { url = '' } = req;
  const attributes = { ...labelsOf(req), 'url.path': url.replace(/\?.*/s, '') };
  return tracer.startSpan(methodLabel(req.method), { kind: SpanKind.SERVER, attributes }, caller);
}

/** Completes the span and the metrics of a request: how it ended, why, and how much time that saved. */
function complete(request: ActiveRequest, instruments: Instruments): void {
  const { req, res, span, startedAt, isAnswered } = request;
  const elapsedMs = performance.now() - startedAt;
  if (!isAnswered && !res.writableEnded) {
    // No scope has recorded a cause: the connection closed before there was one.
    const cause = wasEndedByClient(req.socket) ? 'client-disconnected' : 'connection-closed';
    request.canceled ??= { cause, elapsedMs: Math.round(elapsedMs) };
  }
  const { canceled } = request;
  const route = routeOf(req);
  const labels: Attributes = { ...request.labels };
  if (route) labels['http.route'] = route;
  // Without a response there is no status: Node's default of 200 was never sent.
  if (isAnswered) labels['http.response.status_code'] = res.statusCode;
  if (canceled) labels['request_scope.cause'] = codeLabel(canceled.cause);
  const failure = failureOf(request);
  if (failure) labels['error.type'] = codeLabel(failure.type);
  instruments.served.record(elapsedMs / 1_000, labels);

  if (failure) setFailure(span, failure);
  span.setAttributes(labels);
  if (route) span.updateName(`${labels['http.request.method']} ${route}`);
  if (canceled) span.setAttribute('request_scope.elapsed_ms', canceled.elapsedMs);
  span.end();
}

/** Whether the client sent FIN, or the network failed: `destroy()` leaves another error, or none. */
function wasEndedByClient(socket: Socket): boolean {
  const error: (Error & { syscall?: string }) | null = socket.errored;
  return socket.readableEnded || error?.syscall === 'read' || error?.syscall === 'write';
}

/** A cancellation by design is not a failure, not even when the response is a 503. */
function failureOf({ failure, canceled, isAnswered, res }: ActiveRequest): Failure | undefined {
  if (failure) return failure;
  if (canceled) return failureOfCause(canceled.cause);
  if (!isAnswered || res.statusCode < 500) return undefined;
  return { type: String(res.statusCode), message: '' };
}

/** The route as Express has it, since the path itself may be anything. */
function routeOf(req: IncomingMessage & { route?: { path?: unknown } }): string | undefined {
  const path = req.route?.path;
  return typeof path === 'string' ? path : undefined;
}
