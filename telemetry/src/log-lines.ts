import { TraceFlags, trace } from '@opentelemetry/api';
import { listen } from './channels.ts';
import { active, currentRequest } from './context.ts';

/**
 * Adds `trace_id` and `span_id` to each line that pino logs under a span. With `traceUrl`, the first line of
 * a trace also has the trace's address.
 */
export function addTraceIds(traceUrl: string | undefined): void {
  const changed = new WeakSet<object>();
  listen<{ arguments: unknown[] }>('tracing:pino_asJson:start', (call) => {
    const fields = Object(call.arguments[0]);
    const span = trace.getSpan(active())?.spanContext();
    if (!span || !Object.isExtensible(fields) || 'trace_id' in fields) return;
    const { traceId, spanId, traceFlags } = span;
    changed.add(Object.assign(fields, { trace_id: traceId, span_id: spanId }));
    const request = currentRequest();
    if (!traceUrl || !request?.isRoot || request.hasLoggedUrl) return;
    if (!(traceFlags & TraceFlags.SAMPLED)) return;
    request.hasLoggedUrl = true;
    fields.traceUrl = traceUrl + traceId;
  });
  // Leaves the object as it was: it belongs to the caller, who may log it again for another request.
  listen<{ arguments: unknown[] }>('tracing:pino_asJson:end', (call) => {
    const fields = Object(call.arguments[0]);
    if (!changed.delete(fields)) return;
    delete fields.trace_id;
    delete fields.span_id;
    delete fields.traceUrl;
  });
}
