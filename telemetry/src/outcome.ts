import { isCancellation } from 'request-scope';

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
