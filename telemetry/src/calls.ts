import {
  type Attributes,
  type Span,
  SpanKind,
  type TextMapPropagator,
  type Tracer,
} from '@opentelemetry/api';
import { listen } from './channels.ts';
import { active, contextUnder, currentRequest } from './context.ts';
import type { Instruments } from './instruments.ts';
import { codeLabel, methodLabel, outcomeOf, setFailure } from './labels.ts';

/** A request in the messages of undici, as a package or as Node's `fetch`. */
interface UndiciRequest {
  origin?: string | URL;
  path: string;
  method: string;
  addHeader: (name: string, value: string) => unknown;
}

interface Call {
  span: Span;
  startedAt: number;
  labels: Attributes;
}

const setter = {
  set: (request: UndiciRequest, name: string, value: string) => void request.addHeader(name, value),
};

/** A span and the metric for each call by undici or `fetch`, which also gets a `traceparent` header. */
export function watchCalls(
  tracer: Tracer,
  propagator: TextMapPropagator,
  instruments: Instruments,
): void {
  const calls = new WeakMap<object, Call>();

  const on = (event: string, take: (call: Call, message: Record<string, unknown>) => void) =>
    listen<{ request: object }>(`undici:request:${event}`, (message) => {
      const call = calls.get(message.request);
      if (call) take(call, { ...message });
    });

  listen<{ request: UndiciRequest }>('undici:request:create', ({ request }) => {
    const { hostname, port, protocol, origin } = new URL(String(request.origin));
    const method = methodLabel(request.method);
    const labels = {
      'http.request.method': method,
      'server.address': hostname,
      'server.port': Number(port) || (protocol === 'https:' ? 443 : 80),
    };
    const attributes = { ...labels, 'url.full': origin + request.path.replace(/\?.*/s, '') };
    const span = tracer.startSpan(method, { kind: SpanKind.CLIENT, attributes }, active());
    const caller = currentRequest();
    if (caller) caller.lastCall = span.spanContext();
    propagator.inject(contextUnder(span), request, setter);
    calls.set(request, { span, startedAt: performance.now(), labels });
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

  const end = ({ span, startedAt, labels }: Call, request: object) => {
    calls.delete(request);
    instruments.called.record((performance.now() - startedAt) / 1_000, labels);
    span.setAttributes(labels);
    span.end();
  };
}
