/** What a scope's signal is aborted with: one of the three below, or a class of your own. */
export abstract class Cancellation extends Error {
  abstract readonly code: string;
}

/** The client closed its connection: nobody is left to read the answer. */
export class ClientDisconnected extends Cancellation {
  override readonly name = 'ClientDisconnected';
  readonly code = 'client-disconnected';
  override readonly message = 'client disconnected';
}

/** The caller's budget or a timeout of ours is spent. */
export class DeadlineExceeded extends Cancellation {
  override readonly name = 'DeadlineExceeded';
  readonly code = 'deadline-exceeded';
  override readonly message = 'deadline exceeded';
}

/** The service is leaving, and its shutdown timeout has passed. */
export class ShuttingDown extends Cancellation {
  override readonly name = 'ShuttingDown';
  readonly code = 'shutting-down';
  override readonly message = 'service shutting down';
}

/** The codes of the three, as log lines name them. */
export type Cause = (ClientDisconnected | DeadlineExceeded | ShuttingDown)['code'];

/**
 * Which cause ended the work under `signal`, or undefined if none did: then an error is an error.
 *
 * It asks the signal and not the error: libraries replace the reason by an error of their own.
 */
export function causeOf(signal: AbortSignal): Cancellation | undefined {
  return signal.reason instanceof Cancellation ? signal.reason : undefined;
}
