import { type Span, SpanStatusCode } from '@opentelemetry/api';
import type { Failure } from 'request-scope-otel';

const METHODS = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'CONNECT',
  'TRACE',
]);

/** The method as the semantic conventions label it: `_OTHER` for one that they do not know. */
export function methodLabel(method = ''): string {
  return METHODS.has(method) ? method : '_OTHER';
}

/** Marks `span` as failed. Set its labels afterwards, because they limit the types. */
export function setFailure(span: Span, { type, message }: Failure): void {
  span.setAttribute('error.type', type);
  span.setStatus({ code: SpanStatusCode.ERROR, message });
}
