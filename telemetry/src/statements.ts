import { type Span, SpanKind, SpanStatusCode, type Tracer, trace } from '@opentelemetry/api';
import { enterOn, listen } from './channels.ts';
import { active, contextUnder } from './context.ts';
import type { Instruments } from './instruments.ts';
import { codeLabel, outcomeOf } from './labels.ts';

interface Statement {
  text: string;
  error?: unknown;
}

interface Cancel {
  query: Statement;
  error?: unknown;
}

/**
 * A span of each database statement that a request or a void needs, and one of its cancel. What looks
 * once a second whether the server is there has none.
 */
export function watchStatements(tracer: Tracer, instruments: Instruments): void {
  const statements = new WeakMap<object, { span: Span; startedAt: number }>();
  const cancels = new WeakMap<object, Span>();

  enterOn<Statement>('postgres:query', (query) => {
    if (!trace.getSpan(active())) return active();
    const operation = /^\s*(\w+)/.exec(query.text)?.[1]?.toUpperCase() ?? 'QUERY';
    const attributes = {
      'db.system.name': 'postgresql',
      'db.operation.name': operation,
      'db.query.text': query.text.replaceAll(/\s+/g, ' ').trim(),
    };
    const span = tracer.startSpan(operation, { kind: SpanKind.CLIENT, attributes }, active());
    statements.set(query, { span, startedAt: performance.now() });
    return contextUnder(span);
  });
  listen<Statement>('tracing:postgres:query:asyncEnd', (query) => {
    const statement = statements.get(query);
    if (!statement) return;
    const { span, startedAt } = statement;
    const { cause, failure } = query.error === undefined ? {} : outcomeOf(query.error);
    const labels = {
      'db.system.name': 'postgresql',
      ...(cause && { 'cancellation.cause': codeLabel(cause) }),
      ...(failure && { 'error.type': codeLabel(failure.type) }),
    };
    instruments.queried.record((performance.now() - startedAt) / 1_000, labels);
    span.setAttributes(labels);
    if (failure) span.setStatus({ code: SpanStatusCode.ERROR, message: failure.message });
    span.end();
  });

  listen<Cancel>('tracing:postgres:cancel:start', (cancel) => {
    const statement = statements.get(cancel.query);
    if (!statement) return;
    const attributes = { 'db.system.name': 'postgresql', 'db.operation.name': 'CANCEL' };
    const options = { kind: SpanKind.CLIENT, attributes };
    const under = trace.setSpan(active(), statement.span);
    cancels.set(cancel, tracer.startSpan('CANCEL', options, under));
  });
  listen<Cancel>('tracing:postgres:cancel:asyncEnd', (cancel) => cancels.get(cancel)?.end());
}
