/** Tells a Cancellation of another copy of this package too, where `instanceof` does not. */
const BRAND: unique symbol = Symbol.for('cancellation.Cancellation');

/** Errors of the language itself: a mistake in the program, whatever the signal says. */
const BUG = /^(Eval|Range|Reference|Syntax|Type|URI|Assertion)Error$/;

const MAX_DEPTH = 8;

/** What a scope's signal is aborted with: one of the three below, or a class of your own. */
export abstract class Cancellation extends Error {
  readonly [BRAND] = true;
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

/** Whether `value` is a Cancellation, of whichever copy of this package. */
export function isCancellation(value: unknown): value is Cancellation {
  return value instanceof Error && BRAND in value;
}

/**
 * The cancellation that `error` stands for, or undefined: then it is an error like any other.
 *
 * An error stands for the cancellation that it is or that it has as a `cause`, a child scope's
 * timeout too; and, libraries having errors of their own for an abort, for the one that `scope` was
 * aborted with. A TypeError and its like are bugs also after an abort.
 */
export function causeOf(
  error: unknown,
  scope: { readonly signal: AbortSignal },
): Cancellation | undefined {
  let link = error;
  for (let depth = 0; link instanceof Error && depth < MAX_DEPTH; depth += 1) {
    if (isCancellation(link)) return link;
    link = link.cause;
  }
  const isBug = error instanceof Error && BUG.test(error.name) && error.cause === undefined;
  const { reason } = scope.signal;
  return !isBug && isCancellation(reason) ? reason : undefined;
}
