import type { Response } from 'express';
import type { Logger } from 'pino';
import { causeOf, DeadlineExceeded, type Scope } from 'request-scope';
import { sendText } from './answers.ts';

/**
 * Whether `scope` has aborted. If its deadline has passed, this aborts it: after a SIGSTOP, a long task or
 * behind other timers, the scope's own timer fires late. Call it at each point of no return. The clock is
 * monotonic; on Linux it excludes the time in which the machine is suspended.
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
 * If `error` comes from a cancellation of `scope`, answers 408, and logs the cause and how many milliseconds
 * the work took. Rethrows any other error.
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
