import { DatabaseError } from 'pg';
import { isCancellation } from '#request-scope';

/**
 * The server says that it starts, stops, or has no connection left (SQLSTATE classes 08, 53, 57P and 58),
 * lets nobody write, as a standby does (25006), or does not let us in (28, 3D).
 */
const SERVER_TROUBLE = /^(08|25006|28|3D|53|57P|58)/;

/** What pg says, without a code, of a connection that is not there, and the word for it. */
const NO_CONNECTION: Record<string, RegExp> = {
  timeout: /timeout$|^timeout ex/,
  closed: /^Connection terminated|not queryable$/,
  authentication: /^SASL/,
  tls: /SSL/,
};

/** An error that Express and http-errors answer with 503 and `Retry-After`. */
abstract class RetryLater extends Error {
  readonly status = 503;
  readonly statusCode = 503;
  readonly expose = true;
  readonly headers = { 'Retry-After': '1' };
}

/** The server cannot be reached, or its connection died: what was sent to it may have been done. */
export class DatabaseUnavailable extends RetryLater {
  override readonly name = 'DatabaseUnavailable';
  /** Why, in one word: `ECONNREFUSED`, or an SQLSTATE. */
  readonly code: string;

  /** `cause`: pg's error. */
  constructor(code: string, cause: Error) {
    super('Database unavailable', { cause });
    this.code = code;
  }
}

/** As many wait for a connection as may. Nothing was sent. */
export class TooManyWaiting extends RetryLater {
  override readonly name = 'TooManyWaiting';
  override readonly message = 'Too many queries wait for the database';
  readonly code = 'too-many-waiting';
}

/** DatabaseUnavailable for what is said of the connection; what is said of the statement stays as it is. */
export function unavailable(error: unknown): unknown {
  if (error instanceof DatabaseError) {
    const { code = '' } = error;
    return SERVER_TROUBLE.test(code) ? new DatabaseUnavailable(code, error) : error;
  }
  if (!(error instanceof Error) || isCancellation(error)) return error;
  const { code } = error as NodeJS.ErrnoException;
  // Node's, of a socket or of TLS: its certificates' codes do not begin with an E.
  if (code) return new DatabaseUnavailable(code, error);
  const known = Object.entries(NO_CONNECTION).find(([, said]) => said.test(error.message));
  return known ? new DatabaseUnavailable(known[0], error) : error;
}
