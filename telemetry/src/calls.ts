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
  [CALL]?: Call;
}

/** A property, because a WeakMap entry per call costs the garbage collector more. */
const CALL: unique symbol = Symbol('call');

interface Call {
  span: Span;
  startedAt: number;
  labels: Attributes;
}

const setter = {
  set: (request: UndiciRequest, name: string, value: string) => void request.addHeader(name, value),
};

/** The metric for each call by undici or `fetch`; with `tracing` also a span, and a `traceparent` header. */
export function watchCalls(tracing: Tracing | undefined, instruments: Instruments): void {
  const on = (event: string, take: (call: Call, message: Record<string, unknown>) => void) =>
    listen<{ request: UndiciRequest }>(`undici:request:${event}`, (message) => {
      const call = message.request[CALL];
      if (call) take(call, { ...message });
    });

  listen<{ request: UndiciRequest }>('undici:request:create', ({ request }) => {
    const labels = {
      'http.request.method': methodLabel(request.method),
      ...addressOf(String(request.origin)),
    };
    const span = tracing ? startSpan(tracing, request, labels) : NO_SPAN;
    request[CALL] = { span, startedAt: performance.now(), labels };
  });

  on('headers', ({ span, labels }, { response }) => {
    const { statusCode } = Object(response);
    labels['http.response.status_code'] = statusCode;
    if (statusCode >= 400) {
      labels['error.type'] = String(statusCode);
      setFailure(span, { type: String(statusCode), message: '' });
    }
  });
  on('trailers', (call, { request }) => end(call, Object(request)));
  on('error', (call, { request, error }) => {
    const { cause, failure } = outcomeOf(error);
    if (cause) call.labels['request_scope.cause'] = codeLabel(cause);
    if (failure) {
      call.labels['error.type'] = codeLabel(failure.type);
      setFailure(call.span, failure);
    }
    end(call, Object(request));
  });

  const end = ({ span, startedAt, labels }: Call, request: UndiciRequest) => {
    delete request[CALL];
    instruments.called.record((performance.now() - startedAt) / 1_000, labels);
    span.setAttributes(labels);
    span.end();
  };
}

function startSpan({ tracer, propagator }: Tracing, request: UndiciRequest, labels: Attributes) {
  const path = request.path.replace(/\?.*/s, '');
  const attributes = { ...labels, 'url.full': new URL(String(request.origin)).origin + path };
  const options = { kind: SpanKind.CLIENT, attributes };
  const span = tracer.startSpan(methodLabel(request.method), options, active());
  const caller = currentRequest();
  if (caller) caller.lastCall = span.spanContext();
  propagator.inject(contextUnder(span), request, setter);
  return span;
}

const MAX_ADDRESSES = 200;
const addresses = new Map<string, Attributes>();

/** The labels of `origin`; those of the first 200 origins are kept. */
function addressOf(origin: string): Attributes {
  const known = addresses.get(origin);
  if (known) return known;
  const { hostname, port, protocol } = new URL(origin);
  const address = {
    'server.address': hostname,
    'server.port': Number(port) || (protocol === 'https:' ? 443 : 80),
  };
  if (addresses.size < MAX_ADDRESSES) addresses.set(origin, address);
  return address;
}
