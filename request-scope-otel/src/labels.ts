import { type Span, SpanStatusCode } from '@opentelemetry/api';
import { isCancellation } from 'request-scope';

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
const MAX_CODES = 50;

/** The method as the semantic conventions label it: `_OTHER` for one that they do not know. */
export function methodLabel(method = ''): string {
  return METHODS.has(method) ? method : '_OTHER';
}

const codes = new Set<string>();

/** Limits the values of a label: after 50 different codes, every further one becomes `other`. */
export function codeLabel(code: string): string {
  if (codes.has(code)) return code;
  if (codes.size >= MAX_CODES || !/^[A-Za-z0-9_.-]{1,60}$/.test(code)) return 'other';
  codes.add(code);
  return code;
}

export interface Failure {
  /** One of a small fixed set, such as `deadline-exceeded`, a status or an error's code. */
  type: string;
  message: string;
}

/** Marks `span` as failed. Set its labels afterwards, because they limit the types. */
export function setFailure(span: Span, { type, message }: Failure): void {
  span.setAttribute('error.type', type);
  span.setStatus({ code: SpanStatusCode.ERROR, message });
}

/** What the error of a call or a statement means. */
export interface Outcome {
  /** Why it was canceled. */
  cause?: string;
  failure?: Failure;
}

/** An abort by design is not a failure. An exceeded deadline is one, and so is any other error. */
export function outcomeOf(error: unknown): Outcome {
  const { name = 'Error', message = '', cause, code } = Object(error);
  const cancellation = [error, cause].find(isCancellation);
  if (cancellation?.code === 'deadline-exceeded') {
    const { code: type, message } = cancellation;
    return { cause: type, failure: { type, message } };
  }
  if (cancellation) return { cause: cancellation.code };
  if (name === 'AbortError' || code === 'ERR_CANCELED') return { cause: 'aborted' };
  return { failure: { type: String(code ?? name), message } };
}
