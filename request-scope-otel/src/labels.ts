import { isCancellation } from 'request-scope';

const MAX_CODES = 50;

const codes = new Set<string>();

/**
 * `code` as the value of a label. After 50 different codes every further one becomes `other`, and so does one of more
 * than 60 characters, or with others than letters, digits, `_`, `.` and `-`.
 */
export function codeLabel(code: string): string {
  if (codes.has(code)) return code;
  if (codes.size >= MAX_CODES || !/^[A-Za-z0-9_.-]{1,60}$/.test(code)) return 'other';
  codes.add(code);
  return code;
}

/** Why a span has the status error. */
export interface Failure {
  /** One of a small fixed set, such as `deadline-exceeded`, a status or an error's code. */
  type: string;
  /** The description of the span's status. */
  message: string;
}

const FAILURES: Readonly<Record<string, string>> = {
  'deadline-exceeded': 'deadline exceeded',
  'connection-closed': 'connection closed by the service',
};

/**
 * The failure that a request canceled for `cause` counts as; undefined for a cancellation by design.
 *
 * @param cause the code of a Cancellation.
 */
export function failureOfCause(cause: string): Failure | undefined {
  const message = FAILURES[cause];
  return message === undefined ? undefined : { type: cause, message };
}

/** What the error of a call or a statement means. */
export interface Outcome {
  /** Why it was canceled. */
  cause?: string;
  /** Undefined if it succeeded, or was canceled by design. */
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
