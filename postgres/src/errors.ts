import { DatabaseError } from 'pg';
import { isCancellation } from 'request-scope';

/**
 * The server says that it starts, stops, or has no connection left (SQLSTATE classes 08, 53, 57P and 58),
 * lets nobody write, as a standby does (25006), does not let us in (28, 3D), or let others wait for too
 * long (55P03); or that the connection is in a state in which we have not left it (25).
 */
const SERVER_TROUBLE = /^(08|25|28|3D|53|55P03|57P|58)/;

/** What pg says, without a code, of a connection that is not there, and the word for it. */
const NO_CONNECTION: Record<string, RegExp> = {
  timeout: /timeout$|^timeout ex/,
  closed: /^Connection terminated|not queryable$/,
  protocol: /^Received unexpected|^Unknown authentication/,
  authentication: /^SASL/,
  tls: /SSL/,
};

/** An error that Express and http-errors answer with 503 and `Retry-After`. */
abstract class RetryLater extends Error {
  readonly status = 503;
  readonly statusCode = 503;
  readonly expose = true;
  readonly headers = { 'Retry-After': '1' };
  /** False where the statement was surely not done: never sent, or rolled back. */
  abstract readonly mayBeDone: boolean;
}

/** The server cannot be reached, its connection died, or it cannot do what it can do at other times. */
export class DatabaseUnavailable extends RetryLater {
  override readonly name = 'DatabaseUnavailable';
  /** Why, in one word: `ECONNREFUSED`, or an SQLSTATE. */
  readonly code: string;

  readonly mayBeDone: boolean;

  /** `cause`: pg's error. */
  constructor(code: string, cause: Error, mayBeDone = true) {
    super('Database unavailable', { cause });
    this.code = code;
    this.mayBeDone = mayBeDone;
  }
}

/** As many wait for a connection as may. Nothing was sent. */
export class TooManyWaiting extends RetryLater {
  override readonly name = 'TooManyWaiting';
  override readonly message = 'Too many queries wait for the database';
  readonly code = 'too-many-waiting';
  readonly mayBeDone = false;
}

/** DatabaseUnavailable for what is said of the connection; what is said of the statement stays as it is. */
export function unavailable(error: unknown, mayBeDone: boolean): unknown {
  if (error instanceof DatabaseError) {
    // Every error of PostgreSQL's has a code.
    const { code = 'protocol' } = error;
    const isTrouble = code === 'protocol' || SERVER_TROUBLE.test(code);
    return isTrouble ? new DatabaseUnavailable(code, error, mayBeDone) : error;
  }
  if (!(error instanceof Error) || isCancellation(error)) return error;
  const { code } = error as NodeJS.ErrnoException;
  // Node's, of a socket or of TLS: its certificates' codes do not begin with an E.
  if (code) return new DatabaseUnavailable(code, error, mayBeDone);
  const known = Object.entries(NO_CONNECTION).find(([, said]) => said.test(error.message));
  return known ? new DatabaseUnavailable(known[0], error, mayBeDone) : error;
}
