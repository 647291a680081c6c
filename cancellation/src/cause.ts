/** Marks a Cancellation of another copy of this package too, which `instanceof` does not know. */
const BRAND: unique symbol = Symbol.for('cancellation.Cancellation');

const BUG = /^(Eval|Range|Reference|Syntax|Type|URI|Assertion)Error$/;

/** What a scope's signal is aborted with: one of the three below, or a class of your own. */
export abstract class Cancellation extends Error {
  readonly [BRAND] = true;
  abstract readonly code: string;
}

/** The client closed its connection: nobody is left to read the answer. */
export class ClientDisconnected extends Cancellation {
  override readonly name = 'ClientDisconnected';
  override readonly message = 'client disconnected';
  readonly code = 'client-disconnected';
}

/** The caller's budget or a timeout of ours is spent. */
export class DeadlineExceeded extends Cancellation {
  override readonly name = 'DeadlineExceeded';
  override readonly message = 'deadline exceeded';
  readonly code = 'deadline-exceeded';
}

/** The service is leaving, and its shutdown timeout has passed. */
export class ShuttingDown extends Cancellation {
  override readonly name = 'ShuttingDown';
  override readonly message = 'service shutting down';
  readonly code = 'shutting-down';
}

/**
 * The cancellation that `error` is or has as its `cause` (a child's timeout, say); else, since some
 * libraries have an error of their own for an abort, the one that `scope` was aborted with. A
 * TypeError and its like stand for none: they are bugs, also after an abort.
 */
export function causeOf(error: unknown, scope: { signal: AbortSignal }): Cancellation | undefined {
  const { name = '', cause } = error instanceof Error ? error : {};
  const links = [error, cause, cause instanceof Error && cause.cause];
  const isBug = BUG.test(name) && cause === undefined;
  if (!isBug) links.push(scope.signal.reason);
  return links.find(isCancellation);
}

/** Whether `value` is a Cancellation, of whichever copy of this package. */
export function isCancellation(value: unknown): value is Cancellation {
  return value instanceof Error && BRAND in value;
}
