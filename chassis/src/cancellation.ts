import type { Response } from 'express';
import type { Logger } from 'pino';
import { causeOf, DeadlineExceeded, type Scope } from 'request-scope';
import { sendText } from './answers.ts';

/**
 * Whether `scope` has aborted or its deadline has passed, in which case this aborts it. Call it at a point
 * of no return: after a SIGSTOP, a long task, or behind other timers, the timer of a deadline fires late.
 * The clock is monotonic, and on Linux it does not count the time in which the machine is suspended.
 */
export function hasAborted(scope: Scope): boolean {
  if (scope.remainingMs === 0) scope.abort(new DeadlineExceeded());
  return scope.signal.aborted;
}

interface Canceled {
  /** What the handler has caught. */
  error: unknown;
  /** The line for the log. */
  message: string;
  /** The body of the answer. */
  answer?: string;
}

/**
 * Answers 408, and logs why and after how many milliseconds the work ended, if `error` comes from a
 * cancellation of `scope`. Rethrows any other error.
 */
export function answerCanceled(
  res: Response,
  scope: Scope,
  log: Logger,
  { error, message, answer = 'Request canceled' }: Canceled,
): void {
  const cause = causeOf(error, scope);
  if (!cause) throw error;
  log.info({ cause: cause.code, elapsedMs: scope.elapsedMs }, message);
  sendText(res.status(408), answer);
}
