import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import {
  type Attributes,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  type TextMapPropagator,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { listen } from './channels.ts';
import { contextOf, contexts, currentServed, type Served } from './context.ts';
import type { Instruments } from './instruments.ts';
import { codeLabel, methodLabel } from './labels.ts';
import { watchScopes } from './scopes.ts';
import { rememberDuration, savedMs } from './usual-duration.ts';

/** What asks all day and tells nothing: no span, no metric. */
const IGNORED = /^\/(health|metrics)\/?(\?|$)/;

const getter = {
  keys: (headers: IncomingMessage['headers']) => Object.keys(headers),
  get: (headers: IncomingMessage['headers'], name: string) => headers[name],
};

/**
 * A span and the metrics of each request that node:http serves. It is over when its answer is, or its
 * client has gone, **and** the work for it has ended: what goes on after a hang-up is seen. The returned
 * function ends those that are left, for a process that is about to exit.
 */
export function watchRequests(
  tracer: Tracer,
  propagator: TextMapPropagator,
  instruments: Instruments,
): () => void {
  const open = new Set<Served>();
  const byRequest = new WeakMap<object, Served>();
  const bySocket = new WeakMap<Socket, Set<Served>>();

  interface Started {
    request: IncomingMessage;
    response: ServerResponse;
  }
  listen<Started>('http.server.request.start', ({ request: req, response: res }) => {
    const { url = '', socket } = req;
    if (IGNORED.test(url)) return contexts.enterWith(ROOT_CONTEXT);
    const caller = propagator.extract(ROOT_CONTEXT, req.headers, getter);
    const attributes = { ...labelsOf({ req }), 'url.path': url.replace(/\?.*/s, '') };
    const method = attributes['http.request.method'];
    const span = tracer.startSpan(method, { kind: SpanKind.SERVER, attributes }, caller);
    const served: Served = {
      req,
      res,
      span,
      startedAt: performance.now(),
      isRoot: trace.getSpan(caller) === undefined,
      isLinked: false,
      isAnswered: false,
      isClosed: false,
      openScopes: 0,
    };
    open.add(served);
    byRequest.set(req, served);
    instruments.inFlight.add(1, labelsOf(served));
    res.once('finish', () => {
      served.isAnswered = !socket.destroyed;
      close(served);
    });
    followSocket(socket).add(served);
    contexts.enterWith(contextOf(served));
  });

  /** Node tells of a hang-up on the socket every time, and on the response not always. */
  const followSocket = (socket: Socket): Set<Served> => {
    const known = bySocket.get(socket);
    if (known) return known;
    const onSocket = new Set<Served>();
    bySocket.set(socket, onSocket);
    socket.once('close', () => {
      // The scope's own listener comes later: it has to be the one to say that the work is canceled.
      setImmediate(() => {
        for (const served of onSocket) close(served);
      });
    });
    return onSocket;
  };

  const close = (served: Served) => {
    served.isClosed = true;
    endIfOver(served);
  };

  const endIfOver = (served: Served) => {
    if (served.isClosed && served.openScopes === 0) end(served);
  };

  const end = (served: Served) => {
    bySocket.get(served.req.socket)?.delete(served);
    if (open.delete(served)) endRequest(served, instruments);
  };

  watchScopes(instruments, {
    servedFor: (request) => byRequest.get(request) ?? currentServed(),
    onEnd: endIfOver,
  });
  return () => open.forEach(end);
}

/** What a request in flight is counted under. */
const labelsOf = ({ req }: Pick<Served, 'req'>) => ({
  'http.request.method': methodLabel(req.method),
  'url.scheme': 'encrypted' in req.socket ? 'https' : 'http',
});

/** Ends the span of a request and measures it: how it ended, why, and what that has saved. */
function endRequest(served: Served, instruments: Instruments): void {
  const { req, res, span, startedAt, isAnswered } = served;
  const elapsedMs = performance.now() - startedAt;
  if (!isAnswered && !res.writableEnded) {
    // Nothing has told that the client left before there was a scope.
    served.canceled ??= { cause: 'client-disconnected', elapsedMs: Math.round(elapsedMs) };
  }
  const { canceled, failed } = served;
  const route = routeOf(req);
  const labels: Attributes = labelsOf(served);
  if (route) labels['http.route'] = route;
  // Of an answer that nobody got there is no status: the 200 that Node has by default least of all.
  if (isAnswered) labels['http.response.status_code'] = res.statusCode;
  if (canceled) labels['cancellation.cause'] = codeLabel(canceled.cause);
  const failure = failed ?? failureOf(served);
  if (failure) labels['error.type'] = codeLabel(failure.type);
  instruments.served.record(elapsedMs / 1_000, labels);
  instruments.inFlight.add(-1, labelsOf(served));

  span.setAttributes(labels);
  if (route) span.updateName(`${labels['http.request.method']} ${route}`);
  if (failure) span.setStatus({ code: SpanStatusCode.ERROR, message: failure.message });
  if (canceled) {
    span.setAttribute('cancellation.elapsed_ms', canceled.elapsedMs);
    const saved = savedMs(`${req.method} ${route}`, canceled.elapsedMs);
    if (saved !== undefined) {
      span.setAttribute('cancellation.saved_ms', saved);
      const cause = { 'cancellation.cause': codeLabel(canceled.cause) };
      instruments.savedMs.add(saved, route ? { ...cause, 'http.route': route } : cause);
    }
  } else if (!failure && res.statusCode < 400) {
    rememberDuration(`${req.method} ${route}`, elapsedMs);
  }
  span.end();
}

/** Causes that are an error of somebody's. */
const FAILURES: Readonly<Record<string, string>> = {
  'deadline-exceeded': 'deadline exceeded',
  'connection-closed': 'connection closed by the service',
};

/** A deadline is an error, a cancellation by design is none, also where its answer is a 503. */
function failureOf({ canceled, isAnswered, res }: Served) {
  const message = canceled && FAILURES[canceled.cause];
  if (canceled && message) return { type: canceled.cause, message };
  if (canceled || !isAnswered || res.statusCode < 500) return undefined;
  return { type: String(res.statusCode), message: '' };
}

/** The pattern of Express' router: a path itself may be anything. */
function routeOf(req: IncomingMessage & { route?: { path?: unknown } }): string | undefined {
  const path = req.route?.path;
  return typeof path === 'string' ? path : undefined;
}
