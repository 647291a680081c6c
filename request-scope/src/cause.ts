/** Marks a Cancellation. Unlike `instanceof`, it recognizes those of another copy of this package. */
const BRAND: unique symbol = Symbol.for('request-scope.Cancellation');

const BUG_NAME = /^(Eval|Range|Reference|Syntax|Type|URI|Assertion)Error$/;

/** The reason that a scope was aborted with: one of the four classes below, or a class of your own. */
export abstract class Cancellation extends Error {
  /** @hidden */
  readonly [BRAND] = true;
  /** Names the reason in logs, spans and metrics, such as `deadline-exceeded`. */
  abstract readonly code: string;
}

/** The client closed its connection or stream. Nobody is left to read the response. */
export class ClientDisconnected extends Cancellation {
  override readonly name = 'ClientDisconnected';
  override readonly message = 'client disconnected';
  readonly code = 'client-disconnected';
}

/**
 * The service itself closed the connection before the response was complete: the source of a stream failed, a
 * timeout of the server expired, or something called `destroy()`. Nobody is left to read the response either.
 */
export class ConnectionClosed extends Cancellation {
  override readonly name = 'ConnectionClosed';
  override readonly message = 'connection closed by the service';
  readonly code = 'connection-closed';
}

/** The caller's budget is spent, or a timeout has passed. */
export class DeadlineExceeded extends Cancellation {
  override readonly name = 'DeadlineExceeded';
  override readonly message = 'deadline exceeded';
  readonly code = 'deadline-exceeded';
}

/** The service is shutting down, and the time for requests in flight has passed. */
export class ShuttingDown extends Cancellation {
  override readonly name = 'ShuttingDown';
  override readonly message = 'service shutting down';
  readonly code = 'shutting-down';
}

/** How many errors causeOf examines within one error. */
const MAX_ERRORS = 100;

/**
 * Why the work under `scope` ended with `error`, or undefined if the error is not due to a cancellation:
 *
 * 1. A TypeError and its like are bugs, on their own or within another error, and also after an abort.
 * 2. A Cancellation that `error` is or contains, such as the timeout of a child, is the cause.
 * 3. Otherwise it is the reason that `scope` was aborted with, because many libraries replace the reason by
 *    an error of their own. After a ConnectionClosed this holds only for an abort's error. Any other error
 *    may be what made the service close the connection. The reason of a foreign signal that is no Cancellation
 *    becomes the `cause` of a ClientDisconnected, or of a DeadlineExceeded if it is a TimeoutError.
 */
export function causeOf(
  error: unknown,
  scope: { readonly signal: AbortSignal },
): Cancellation | undefined {
  const errors = errorsIn(error);
  if (errors.some(isBug)) return undefined;
  const found = errors.find(isCancellation);
  if (found) return found;
  const { aborted, reason } = scope.signal;
  if (!aborted) return undefined;
  const cause = asCancellation(reason);
  if (cause.code === 'connection-closed' && !errors.some(isAbortError)) return undefined;
  return cause;
}

/**
 * The reason of any signal as a Cancellation. That of a foreign signal becomes the `cause` of a
 * DeadlineExceeded if it is the TimeoutError of `AbortSignal.timeout`, otherwise of a ClientDisconnected.
 */
export function asCancellation(reason: unknown): Cancellation {
  if (isCancellation(reason)) return reason;
  const { name } = Object(reason);
  const Reason = name === 'TimeoutError' ? DeadlineExceeded : ClientDisconnected;
  return new Reason(undefined, { cause: reason });
}

/** Whether `value` is a Cancellation, also one of another copy of this package. */
export function isCancellation(value: unknown): value is Cancellation {
  return value instanceof Error && BRAND in value;
}

/** An error, with the properties under which others may be wrapped in it. */
interface Wrapping {
  name?: unknown;
  code?: unknown;
  cause?: unknown;
  errors?: unknown;
  originalError?: unknown;
  error?: unknown;
  suppressed?: unknown;
}

/** `error` and the errors wrapped in it, outermost first, each once even if they refer to each other. */
function errorsIn(error: unknown): Wrapping[] {
  const found = new Set<Wrapping>();
  const add = (value: unknown) => {
    if (typeof value === 'object' && value !== null && found.size < MAX_ERRORS) found.add(value);
  };
  add(error);
  // The loop also visits the errors that it adds.
  for (const it of found) {
    if (isCancellation(it)) continue;
    // new Error('No stock', { cause }), fetch's TypeError, Node's AbortError
    add(it.cause);
    // Promise.any: AggregateError
    if (Array.isArray(it.errors)) it.errors.slice(0, MAX_ERRORS).forEach(add);
    // GraphQLError of a resolver that threw
    add(it.originalError);
    // SuppressedError of a `using` whose disposal failed too; elsewhere `error` may be anything
    if (it.name === 'SuppressedError') {
      add(it.error);
      add(it.suppressed);
    }
  }
  return [...found];
}

/**
 * A TypeError with a cause is no bug: fetch throws it for a failed connection. Nor is that of a web stream that is
 * closed already, because its reader has left.
 */
function isBug({ name, code, cause }: Wrapping): boolean {
  if (code === 'ERR_INVALID_STATE') return false;
  return typeof name === 'string' && BUG_NAME.test(name) && cause === undefined;
}

/** Whether this is an abort error of Node, fetch and most libraries, or of axios. */
function isAbortError({ name, code }: Wrapping): boolean {
  if (name === 'AbortError' || code === 'ABORT_ERR') return true;
  return name === 'CanceledError' || code === 'ERR_CANCELED';
}
