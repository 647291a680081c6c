import { DeadlineExceeded, type Scope } from 'request-scope';

/**
 * Whether `scope` has aborted, or has to now: its deadline has passed, and the timer that says so is late.
 * A timer is late where the process stood still (SIGSTOP, a long task), and behind others that are due.
 * To be asked at a point of no return. By the monotonic clock, which on Linux does not count the time in
 * which the whole machine is suspended.
 */
export function hasAborted(scope: Scope): boolean {
  if (scope.remainingMs === 0) scope.abort(new DeadlineExceeded());
  return scope.signal.aborted;
}
