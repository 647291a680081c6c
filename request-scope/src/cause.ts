/** Marks a Cancellation of another copy of this package too, which `instanceof` does not know. */
const BRAND: unique symbol = Symbol.for('cancellation.Cancellation');

const BUG = /^(Eval|Range|Reference|Syntax|Type|URI|Assertion)Error$/;

/** What a scope's signal is aborted with: one of the four below, or a class of your own. */
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

/**
 * The service closed the connection itself before its answer was complete: the source of a stream failed, a
 * timeout of the server passed, something called `destroy()`. Nobody is left to read the answer here either.
 */
export class ConnectionClosed extends Cancellation {
  override readonly name = 'ConnectionClosed';
  override readonly message = 'connection closed by the service';
  readonly code = 'connection-closed';
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

/** As many errors as causeOf looks at, of one that has others in it. */
const MAX_ERRORS = 100;

/**
 * The cancellation that `error` is or has in it (a child's timeout, say); else, since some libraries have an
 * error of their own for an abort, the one that `scope` was aborted with. A TypeError and its like stand for
 * none, wherever they are: they are bugs, also after an abort. After a ConnectionClosed only an error that
 * is plainly an abort's stands for it, since any other may be what made the service close the connection.
 */
export function causeOf(error: unknown, scope: { signal: AbortSignal }): Cancellation | undefined {
  const errors = errorsIn(error);
  if (errors.some(isBug)) return undefined;
  const found = errors.find(isCancellation);
  if (found) return found;
  const { reason } = scope.signal;
  if (!isCancellation(reason)) return undefined;
  if (reason.code === 'connection-closed' && !errors.some(isAbortError)) return undefined;
  return reason;
}

/** Whether `value` is a Cancellation, of whichever copy of this package. */
export function isCancellation(value: unknown): value is Cancellation {
  return value instanceof Error && BRAND in value;
}

/** What the usual wrappings keep their errors under. */
interface Wrapping {
  name?: unknown;
  code?: unknown;
  cause?: unknown;
  errors?: unknown;
  originalError?: unknown;
  error?: unknown;
  suppressed?: unknown;
}

/** `error` and what is wrapped in it, the outermost first; each once, also where they go in a circle. */
function errorsIn(error: unknown): Wrapping[] {
  const found = new Set<Wrapping>();
  const add = (value: unknown) => {
    if (typeof value === 'object' && value !== null && found.size < MAX_ERRORS) found.add(value);
  };
  add(error);
  // A Set is walked through to what is added on the way.
  for (const it of found) {
    if (isCancellation(it)) continue;
    // new Error('No stock', { cause }), fetch's TypeError, Node's AbortError
    add(it.cause);
    // Promise.any: AggregateError
    if (Array.isArray(it.errors)) it.errors.slice(0, MAX_ERRORS).forEach(add);
    // GraphQLError, of a resolver that threw
    add(it.originalError);
    // SuppressedError, of a `using` whose end failed too; what others call `error` may be anything
    if (it.name === 'SuppressedError') {
      add(it.error);
      add(it.suppressed);
    }
  }
  return [...found];
}

/** A TypeError without a cause; with one, it is what fetch throws for a failed connection. */
function isBug({ name, cause }: Wrapping): boolean {
  return typeof name === 'string' && BUG.test(name) && cause === undefined;
}

/** What Node, fetch and most libraries throw for an abort, and what axios does. */
function isAbortError({ name, code }: Wrapping): boolean {
  if (name === 'AbortError' || code === 'ABORT_ERR') return true;
  return name === 'CanceledError' || code === 'ERR_CANCELED';
}
