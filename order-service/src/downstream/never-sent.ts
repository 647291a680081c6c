const NEVER_SENT = Symbol('never sent');

/** Marks the error of a call: no byte of its request was written. */
export function neverSent<Failure extends Error>(error: Failure): Failure {
  return Object.assign(error, { [NEVER_SENT]: true });
}

/** Whether the error is marked: the call surely did nothing. An unmarked call may have. */
export function wasNeverSent(error: unknown): boolean {
  return error instanceof Error && NEVER_SENT in error;
}
