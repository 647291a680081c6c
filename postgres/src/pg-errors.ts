import { DatabaseError } from 'pg';
import { DeadlineExceeded, isCancellation } from 'request-scope';
import { DatabaseUnavailable } from './errors.ts';

/** SQLSTATE query_canceled: by a cancel request, or by statement_timeout. */
export const QUERY_CANCELED = '57014';

/** SQLSTATE lock_not_available. */
export const LOCK_NOT_AVAILABLE = '55P03';

/** SQLSTATE read_only_sql_transaction. */
export const READ_ONLY = '25006';

/**
 * SQLSTATEs that speak of the server and not of the statement. The server starts, stops, or has no connection
 * left (08, 53, 57P, 58); it accepts no write, as a standby (25006); it does not let us in (28, 3D); a lock was
 * not available (55P03); or the session is in a state in which we have not left it (25).
 */
const SERVER_TROUBLE = /^(08|25|28|3D|53|55P03|57P|58)/;

/** pg's messages about a connection that is not there. These errors have no code: the key becomes their code. */
const NO_CONNECTION: Record<string, RegExp> = {
  timeout: /timeout$|^timeout ex/,
  closed: /^Connection terminated|not queryable$/,
  protocol: /^Received unexpected|^Unknown authentication/,
  authentication: /^SASL/,
  tls: /SSL/,
};

/** DatabaseUnavailable if `error` speaks of the connection or the server; any other error is returned as it is. */
export function toUnavailable(error: unknown, mayBeDone: boolean): unknown {
  if (error instanceof DatabaseError) {
    // Every error of PostgreSQL has a code.
    const { code = 'protocol' } = error;
    const isTrouble = code === 'protocol' || SERVER_TROUBLE.test(code);
    return isTrouble ? new DatabaseUnavailable(code, error, mayBeDone) : error;
  }
  if (!(error instanceof Error) || isCancellation(error)) return error;
  const { code } = error as NodeJS.ErrnoException;
  // A code of Node's, from a socket or from TLS. Codes of certificates do not begin with an E.
  if (code) return new DatabaseUnavailable(code, error, mayBeDone);
  const known = Object.entries(NO_CONNECTION).find(([, message]) => message.test(error.message));
  return known ? new DatabaseUnavailable(known[0], error, mayBeDone) : error;
}

/** A connection could not be opened: always DatabaseUnavailable, and nothing was sent. */
export function toNotConnected(error: unknown): DatabaseUnavailable {
  const known = toUnavailable(error, false);
  if (known instanceof DatabaseUnavailable) return known;
  const { code = 'protocol' } = error as NodeJS.ErrnoException;
  return new DatabaseUnavailable(code, error as Error, false);
}

/** Whether the server ended the statement, because of a cancel request or a timeout. */
export function isStopped(error: unknown): error is Error {
  const isCanceled = error instanceof DatabaseError && error.code === QUERY_CANCELED;
  return isCanceled || error instanceof DeadlineExceeded;
}

/** The server has not answered in time, or only because it was asked to cancel. */
export function timedOut(cause?: unknown): DatabaseUnavailable {
  return new DatabaseUnavailable('timeout', new Error('not answered in time', { cause }));
}
