import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import {
  ROOT_CONTEXT,
  SpanKind,
  type TextMapPropagator,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { listen } from './channels.ts';
import { contextOf, contexts, currentServed } from './context.ts';
import { endRequest, labelsOf } from './end-request.ts';
import type { Instruments } from './instruments.ts';
import { watchScopes } from './scopes.ts';
import type { Served } from './served.ts';

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
