import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import {
  type Attributes,
  ROOT_CONTEXT,
  SpanKind,
  type TextMapPropagator,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { listen } from './channels.ts';
import { type ActiveRequest, contextOf, contexts, currentRequest } from './context.ts';
import type { Instruments } from './instruments.ts';
import { codeLabel, type Failure, methodLabel, setFailure } from './labels.ts';
import { watchScopes } from './scopes.ts';
import { rememberDuration, savedMs } from './usual-duration.ts';

/** Probes are frequent and say nothing, so they get no span and no metric. */
const IGNORED = /^\/(health|metrics)\/?(\?|$)/;

const getter = {
  keys: (headers: IncomingMessage['headers']) => Object.keys(headers),
  get: (headers: IncomingMessage['headers'], name: string) => headers[name],
};

/**
 * A span and the metrics for each request that node:http serves. A request ends when its response has
 * been sent or its connection has closed, **and** the work for it has ended: work that continues after
 * a hang-up is part of its span.
 *
 * @returns a function that ends all requests still active, for a process about to exit.
 */
export function watchRequests(
  tracer: Tracer,
  propagator: TextMapPropagator,
  instruments: Instruments,
): () => void {
  const all = new Set<ActiveRequest>();
  const byReq = new WeakMap<object, ActiveRequest>();
  const bySocket = new WeakMap<Socket, Set<ActiveRequest>>();

  interface Started {
    request: IncomingMessage;
    response: ServerResponse;
  }
  listen<Started>('http.server.request.start', ({ request: req, response: res }) => {
    const { url = '', socket } = req;
    if (IGNORED.test(url)) return contexts.enterWith(ROOT_CONTEXT);
    const caller = propagator.extract(ROOT_CONTEXT, req.headers, getter);
    const attributes = { ...labelsOf(req), 'url.path': url.replace(/\?.*/s, '') };
    const method = attributes['http.request.method'];
    const span = tracer.startSpan(method, { kind: SpanKind.SERVER, attributes }, caller);
    const request: ActiveRequest = {
      req,
      res,
      span,
      startedAt: performance.now(),
      isRoot: trace.getSpan(caller) === undefined,
      hasLoggedUrl: false,
      isAnswered: false,
      isClosed: false,
      openScopes: 0,
    };
    all.add(request);
    byReq.set(req, request);
    instruments.active.add(1, labelsOf(req));
    res.once('finish', () => {
      request.isAnswered = !socket.destroyed;
      close(request);
    });
    requestsOn(socket).add(request);
    contexts.enterWith(contextOf(request));
  });

  /** The active requests of a connection. Node does not always emit `close` on a response after a hang-up. */
  const requestsOn = (socket: Socket): Set<ActiveRequest> => {
    const known = bySocket.get(socket);
    if (known) return known;
    const requests = new Set<ActiveRequest>();
    bySocket.set(socket, requests);
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
    bySocket.get(request.req.socket)?.delete(request);
    if (all.delete(request)) complete(request, instruments);
  };

  watchScopes(instruments, (req) => byReq.get(req) ?? currentRequest(), endIfOver);
  return () => all.forEach(end);
}

const labelsOf = (req: IncomingMessage) => ({
  'http.request.method': methodLabel(req.method),
  'url.scheme': 'encrypted' in req.socket ? 'https' : 'http',
});

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
  const labels: Attributes = labelsOf(req);
  if (route) labels['http.route'] = route;
  // Without a response there is no status: Node's default of 200 was never sent.
  if (isAnswered) labels['http.response.status_code'] = res.statusCode;
  if (canceled) labels['request_scope.cause'] = codeLabel(canceled.cause);
  const failure = failureOf(request);
  if (failure) labels['error.type'] = codeLabel(failure.type);
  instruments.served.record(elapsedMs / 1_000, labels);
  instruments.active.add(-1, labelsOf(req));

  if (failure) setFailure(span, failure);
  span.setAttributes(labels);
  if (route) span.updateName(`${labels['http.request.method']} ${route}`);
  if (canceled) {
    span.setAttribute('request_scope.elapsed_ms', canceled.elapsedMs);
    const saved = savedMs(`${req.method} ${route}`, canceled.elapsedMs);
    if (saved !== undefined) {
      span.setAttribute('request_scope.saved_ms', saved);
      const cause = { 'request_scope.cause': codeLabel(canceled.cause) };
      instruments.savedMs.add(saved, route ? { ...cause, 'http.route': route } : cause);
    }
  } else if (!failure && res.statusCode < 400) {
    rememberDuration(`${req.method} ${route}`, elapsedMs);
  }
  span.end();
}

/** Whether the client sent FIN, or the network failed: `destroy()` leaves another error, or none. */
function wasEndedByClient(socket: Socket): boolean {
  const error: (Error & { syscall?: string }) | null = socket.errored;
  return socket.readableEnded || error?.syscall === 'read' || error?.syscall === 'write';
}

/** The causes that also count as failures. */
const FAILURES: Readonly<Record<string, string>> = {
  'deadline-exceeded': 'deadline exceeded',
  'connection-closed': 'connection closed by the service',
};

/** A cancellation by design is not a failure, not even when the response is a 503. */
function failureOf({ failure, canceled, isAnswered, res }: ActiveRequest): Failure | undefined {
  if (failure) return failure;
  const message = canceled && FAILURES[canceled.cause];
  if (canceled && message) return { type: canceled.cause, message };
  if (canceled || !isAnswered || res.statusCode < 500) return undefined;
  return { type: String(res.statusCode), message: '' };
}

/** The route as Express has it, since the path itself may be anything. */
function routeOf(req: IncomingMessage & { route?: { path?: unknown } }): string | undefined {
  const path = req.route?.path;
  return typeof path === 'string' ? path : undefined;
}
