import { type Attributes, type Span, SpanKind } from '@opentelemetry/api';
import { codeLabel, outcomeOf } from 'request-scope-otel';
import { listen } from './channels.ts';
import { active, contextUnder, currentRequest } from './context.ts';
import type { Instruments } from './instruments.ts';
import { methodLabel, setFailure } from './labels.ts';
import { NO_SPAN, type Tracing } from './tracing.ts';

/** A request in the messages of undici, as a package or as Node's `fetch`. */
interface UndiciRequest {
  origin?: string | URL;
  path: string;
  method: string;
  addHeader: (name: string, value: string) => unknown;
  [CALL]?: Call | undefined;
}

/** A property, because a WeakMap entry per call costs the garbage collector more. */
const CALL: unique symbol = Symbol('call');

interface Call {
  span: Span;
  startedAt: number;
  labels: Attributes;
}

/** A message of undici; it has a response or an error, by its channel. */
interface Message {
  request: UndiciRequest;
  response?: { statusCode: number };
  error?: unknown;
}

const setter = {
  set: (request: UndiciRequest, name: string, value: string) => void request.addHeader(name, value),
};

/** The metric for each call by undici or `fetch`; with `tracing` also a span, and a `traceparent` header. */
export function watchCalls(tracing: Tracing | undefined, instruments: Instruments): void {
  const on = (event: string, take: (call: Call, message: Message) => void) =>
    listen<Message>(`undici:request:${event}`, (message) => {
      const call = message.request[CALL];
      if (call) take(call, message);
    });

  listen<Message>('undici:request:create', ({ request }) => {
    const { address, origin } = peerOf(request);
    const labels = { 'http.request.method': methodLabel(request.method), ...address };
    const span = tracing ? startSpan(tracing, request, labels, origin) : NO_SPAN;
    request[CALL] = { span, startedAt: performance.now(), labels };
  });

  on('headers', ({ span, labels }, { response }) => {
    const statusCode = response?.statusCode ?? 0;
    labels['http.response.status_code'] = statusCode;
    if (statusCode >= 400) {
      labels['error.type'] = String(statusCode);
      setFailure(span, { type: String(statusCode), message: '' });
    }
  });
  on('trailers', (call, { request }) => end(call, request));
  on('error', (call, { request, error }) => {
    const { cause, failure } = outcomeOf(error);
    if (cause) call.labels['request_scope.cause'] = codeLabel(cause);
    if (failure) {
      call.labels['error.type'] = codeLabel(failure.type);
      setFailure(call.span, failure);
    }
    end(call, request);
  });

  const end = ({ span, startedAt, labels }: Call, request: UndiciRequest) => {
    request[CALL] = undefined;
    instruments.called.record((performance.now() - startedAt) / 1_000, labels);
    span.setAttributes(labels);
    span.end();
  };
}

function startSpan(
  { tracer, propagator }: Tracing,
  request: UndiciRequest,
  labels: Attributes,
  origin: string,
): Span {
  const attributes = { ...labels, 'url.full': origin + request.path.replace(/\?.*/s, '') };
  const options = { kind: SpanKind.CLIENT, attributes };
  const span = tracer.startSpan(methodLabel(request.method), options, active());
  const caller = currentRequest();
  if (caller) caller.lastCall = span.spanContext();
  propagator.inject(contextUnder(span), request, setter);
  return span;
}

interface Peer {
  origin: string;
  /** Its labels. */
  address: Attributes;
}

const MAX_PEERS = 200;
const peers = new Map<string, Peer>();

/** Where `request` goes. The first 200 are parsed once. */
function peerOf(request: UndiciRequest): Peer {
  const key = String(request.origin);
  const known = peers.get(key);
  if (known) return known;
  const { hostname, port, protocol, origin } = new URL(key);
  const address = {
    'server.address': hostname,
    'server.port': Number(port) || (protocol === 'https:' ? 443 : 80),
  };
  const peer = { origin, address };
  if (peers.size < MAX_PEERS) peers.set(key, peer);
  return peer;
}
