const NEVER_SENT = Symbol('never sent');

/** Marks the error of a call of which no byte was written. */
export function neverSent<Failure extends Error>(error: Failure): Failure {
  return Object.assign(error, { [NEVER_SENT]: true });
}

/** Whether the call surely did nothing. An error that is not marked tells nothing. */
export function wasNeverSent(error: unknown): boolean {
  return error instanceof Error && NEVER_SENT in error;
}
