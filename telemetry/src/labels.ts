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
const MAX_VALUES = 50;

/** The method as the conventions have it: what is not known is `_OTHER`. */
export function methodLabel(method = ''): string {
  return METHODS.has(method) ? method : '_OTHER';
}

const seen = new Set<string>();

/** A code as a label. Whatever codes there come to be, of so many different ones the rest is `other`. */
export function codeLabel(code: string): string {
  if (seen.has(code)) return code;
  if (seen.size >= MAX_VALUES || !/^[A-Za-z0-9_.-]{1,60}$/.test(code)) return 'other';
  seen.add(code);
  return code;
}

/** What the error of a call or a statement means. */
export interface Outcome {
  /** Why we gave it up. */
  cause?: string;
  failure?: { type: string; message: string };
}

/** An abort by design is no failure; a deadline is both; anything else is a failure. */
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
