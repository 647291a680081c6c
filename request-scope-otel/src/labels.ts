import { isCancellation } from 'request-scope';

const MAX_CODES = 50;

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

const FAILURES: Readonly<Record<string, string>> = {
  'deadline-exceeded': 'deadline exceeded',
  'connection-closed': 'connection closed by the service',
};

/** The failure that a request canceled for `cause` counts as; undefined for a cancellation by design. */
export function failureOfCause(cause: string): Failure | undefined {
  const message = FAILURES[cause];
  return message === undefined ? undefined : { type: cause, message };
}

/** What the error of a call or a statement means. */
export interface Outcome {
  /** Why it was canceled. */
  cause?: string;
  failure?: Failure;
}

/**
 * What `error` means for the span and the metrics of a call that threw it. An abort by design is not a failure. An
 * exceeded deadline is one, and so is any other error.
 */
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
