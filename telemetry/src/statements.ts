import { ROOT_CONTEXT, type Span, SpanKind } from '@opentelemetry/api';
import { codeLabel, outcomeOf } from 'request-scope-otel';
import type { DatabaseCancel, DatabaseQuery } from 'request-scope-pg';
import { type Ended, listen, runUnderSpan } from './channels.ts';
import { active, contextUnder } from './context.ts';
import type { Instruments } from './instruments.ts';
import { setFailure } from './labels.ts';
import { NO_SPAN, type Tracing } from './tracing.ts';

/**
 * The metric for each database statement of a request or a void; with `tracing` also a span, and one under it for
 * its cancel. The availability check that runs every second has none.
 */
export function watchStatements(tracing: Tracing | undefined, instruments: Instruments): void {
  const statements = new WeakMap<DatabaseQuery, { span: Span; startedAt: number }>();
  const cancels = new WeakMap<DatabaseCancel, Span>();

  runUnderSpan<DatabaseQuery>('postgres:query', (query) => {
    if (active() === ROOT_CONTEXT) return undefined;
    const span = tracing ? startSpan(tracing, query) : NO_SPAN;
    statements.set(query, { span, startedAt: performance.now() });
    return tracing && span;
  });
  listen<Ended<DatabaseQuery>>('tracing:postgres:query:asyncEnd', (query) => {
    const statement = statements.get(query);
    if (!statement) return;
    const { span, startedAt } = statement;
    const { cause, failure } = query.error === undefined ? {} : outcomeOf(query.error);
    const labels = {
      'db.system.name': 'postgresql',
      ...(cause && { 'request_scope.cause': codeLabel(cause) }),
      ...(failure && { 'error.type': codeLabel(failure.type) }),
    };
    instruments.queried.record((performance.now() - startedAt) / 1_000, labels);
    if (failure) setFailure(span, failure);
    span.setAttributes(labels);
    span.end();
  });

  if (!tracing) return;
  listen<DatabaseCancel>('tracing:postgres:cancel:start', (cancel) => {
    const statement = statements.get(cancel.query);
    if (!statement) return;
    const attributes = { 'db.system.name': 'postgresql', 'db.operation.name': 'CANCEL' };
    const options = { kind: SpanKind.CLIENT, attributes };
    cancels.set(cancel, tracing.tracer.startSpan('CANCEL', options, contextUnder(statement.span)));
  });
  listen<DatabaseCancel>('tracing:postgres:cancel:asyncEnd', (cancel) =>
    cancels.get(cancel)?.end(),
  );
}

function startSpan({ tracer }: Tracing, { text }: DatabaseQuery): Span {
  const operation = /^\s*(\w+)/.exec(text)?.[1]?.toUpperCase() ?? 'QUERY';
  const attributes = {
    'db.system.name': 'postgresql',
    'db.operation.name': operation,
    'db.query.text': text.replaceAll(/\s+/g, ' ').trim(),
  };
  return tracer.startSpan(operation, { kind: SpanKind.CLIENT, attributes }, active());
}
