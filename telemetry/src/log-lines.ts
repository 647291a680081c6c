import { TraceFlags, trace } from '@opentelemetry/api';
import { listen } from './channels.ts';
import { active, currentRequest } from './context.ts';

const CHANGED: unique symbol = Symbol('changed');

/** The message of pino's channel, with the object that has been changed. */
interface Logging {
  arguments: unknown[];
  [CHANGED]?: Record<string, unknown>;
}

/**
 * Adds `trace_id` and `span_id` to each line that pino logs under a span. With `traceUrl`, the first line of
 * a trace also has the trace's address.
 */
export function addTraceIds(traceUrl: string | undefined): void {
  listen<Logging>('tracing:pino_asJson:start', (call) => {
    const fields = Object(call.arguments[0]);
    const span = trace.getSpan(active())?.spanContext();
    if (!span || !Object.isExtensible(fields) || 'trace_id' in fields) return;
    const { traceId, spanId, traceFlags } = span;
    call[CHANGED] = fields;
    fields.trace_id = traceId;
    fields.span_id = spanId;
    const request = currentRequest();
    if (!traceUrl || !request?.isRoot || request.hasLoggedUrl) return;
    if (!(traceFlags & TraceFlags.SAMPLED)) return;
    request.hasLoggedUrl = true;
    fields.traceUrl = traceUrl + traceId;
  });
  // Leaves the object as it was: it belongs to the caller, who may log it again for another request.
  listen<Logging>('tracing:pino_asJson:end', ({ [CHANGED]: fields }) => {
    if (!fields) return;
    // The last one first: V8 then keeps the object's properties fast.
    if ('traceUrl' in fields) delete fields.traceUrl;
    delete fields.span_id;
    delete fields.trace_id;
  });
}
