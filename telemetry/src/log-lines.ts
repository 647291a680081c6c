import { TraceFlags, trace } from '@opentelemetry/api';
import { listen } from './channels.ts';
import { active, currentRequest } from './context.ts';

/**
 * Puts the ids of the trace and the span on each line that pino writes meanwhile; where `traceUrl` is
 * given, the first line of a trace has the address at which to see it.
 */
export function nameTracesInLogLines(traceUrl: string | undefined): void {
  const named = new WeakSet<object>();
  listen<{ arguments: unknown[] }>('tracing:pino_asJson:start', (call) => {
    const fields = Object(call.arguments[0]);
    const span = trace.getSpan(active())?.spanContext();
    if (!span || !Object.isExtensible(fields) || 'trace_id' in fields) return;
    const { traceId, spanId, traceFlags } = span;
    named.add(Object.assign(fields, { trace_id: traceId, span_id: spanId }));
    const request = currentRequest();
    if (!traceUrl || !request?.isRoot || request.hasLoggedUrl) return;
    if (!(traceFlags & TraceFlags.SAMPLED)) return;
    request.hasLoggedUrl = true;
    fields.traceUrl = traceUrl + traceId;
  });
  // It is the caller's own object, who may log it again for another request.
  listen<{ arguments: unknown[] }>('tracing:pino_asJson:end', (call) => {
    const fields = Object(call.arguments[0]);
    if (!named.delete(fields)) return;
    delete fields.trace_id;
    delete fields.span_id;
    delete fields.traceUrl;
  });
}
