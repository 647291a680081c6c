import {
  type Attributes,
  type Context,
  type Span,
  SpanKind,
  type SpanStatus,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import type { ScopeAborted, ScopeBegun } from 'request-scope';
import { listen } from './channels.ts';
import { failureOfCause } from './labels.ts';

/** A span of OpenTelemetry's SDK that has ended: what exporters read of it. */
interface EndedSpan {
  kind: SpanKind;
  status: SpanStatus;
  attributes: Attributes;
  events: { name: string; attributes?: Attributes }[];
}

/** A span that has not ended. */
interface OpenSpan {
  span: EndedSpan;
  /** Those under the same span of a request, and itself. */
  family: Set<OpenSpan>;
  /** Why its request was canceled, and what had been recorded by then. */
  canceled?: { cause: string; events: number; hadFailed: boolean };
}

/** The causes after which no response was sent. */
const UNANSWERED = new Set(['client-disconnected', 'connection-closed']);

const BUG = /^(Eval|Range|Reference|Syntax|Type|URI|Assertion)Error\b/;

/**
 * Corrects the spans that stock instrumentation makes for a request and the calls under it. If the scope of the
 * request aborts while such a span is open, the span gets `request_scope.cause`. After a hang-up, a shutdown or an
 * abort of your own it has neither an error nor an exception from then on, unless that is a bug. The span of a request
 * that was never answered loses the status code. Put it in front of the processors that export.
 */
export class CancellationSpanProcessor {
  readonly #open = new WeakMap<object, OpenSpan>();
  readonly #families = new WeakMap<object, Set<OpenSpan>>();
  readonly #stops: (() => void)[];

  constructor() {
    this.#stops = [
      listen<ScopeBegun>('request-scope:begun', ({ scope, request }) => {
        const { family } = this.#open.get(trace.getActiveSpan() ?? this) ?? {};
        if (request && family) this.#families.set(scope, family);
      }),
      listen<ScopeAborted>('request-scope:aborted', ({ scope, code: cause }) => {
        for (const open of this.#families.get(scope) ?? []) {
          const { events, status } = open.span;
          const hadFailed = status.code === SpanStatusCode.ERROR;
          open.canceled ??= { cause, events: events.length, hadFailed };
        }
      }),
    ];
  }

  onStart(started: Span, parentContext: Context): void {
    const span = started as Span & EndedSpan;
    const parent = this.#open.get(trace.getSpan(parentContext) ?? this);
    // The service may call itself.
    const family = (span.kind !== SpanKind.SERVER && parent?.family) || new Set();
    const open: OpenSpan = { span, family };
    family.add(open);
    this.#open.set(span, open);
  }

  onEnd(span: EndedSpan): void {
    const open = this.#open.get(span);
    if (!open) return;
    open.family.delete(open);
    if (!open.canceled) return;
    const { cause, events, hadFailed } = open.canceled;
    span.attributes['request_scope.cause'] = cause;
    if (span.kind === SpanKind.SERVER && UNANSWERED.has(cause)) {
      delete span.attributes['http.response.status_code'];
    }
    if (hadFailed || failureOfCause(cause)) return;
    const isFromAbort = ({ name, attributes }: EndedSpan['events'][number], index: number) =>
      index >= events && name === 'exception' && !isBug(attributes);
    const kept = span.events.filter((event, index) => !isFromAbort(event, index));
    const isFailed = kept.slice(events).some(({ name }) => name === 'exception');
    span.events.splice(0, span.events.length, ...kept);
    if (isFailed) return;
    span.status = { code: SpanStatusCode.UNSET };
    delete span.attributes['error.type'];
  }

  forceFlush(): Promise<void> {
    return Promise.resolve();
  }

  /** Stops listening; the SDK calls this when it shuts down. */
  shutdown(): Promise<void> {
    for (const stop of this.#stops) stop();
    return Promise.resolve();
  }
}

/** The type is the error's code if it has one; the stack begins with its name. */
function isBug(exception: Attributes = {}): boolean {
  const { 'exception.type': type, 'exception.stacktrace': stack } = exception;
  return BUG.test(String(type)) || BUG.test(String(stack));
}
