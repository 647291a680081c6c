import { DatabaseError } from 'pg';
import { DeadlineExceeded, isCancellation } from 'request-scope';
import { DatabaseUnavailable } from './errors.ts';

/** SQLSTATE query_canceled: by a cancel request, or by statement_timeout. */
export const QUERY_CANCELED = '57014';

/** SQLSTATE lock_not_available. */
export const LOCK_NOT_AVAILABLE = '55P03';

/** Codes of a write that was ended because it waited for others. Its connection is still good. */
export const ENDED_WAITING: readonly string[] = [QUERY_CANCELED, LOCK_NOT_AVAILABLE];

/**
 * SQLSTATEs that concern the server and not the statement: it is starting, stopping, or out of connections (08,
 * 53, 57P, 58); it accepts no write, like a standby (25006); it rejects the log-in or the database (28, 3D); a
 * lock was not available (55P03); or the session is not in the state in which we left it (25).
 */
const SERVER_TROUBLE = /^(08|25|28|3D|53|55P03|57P|58)/;

/** pg's messages about a missing connection. These errors have no code; the key becomes their code. */
const NO_CONNECTION: Record<string, RegExp> = {
  timeout: /timeout$|^timeout ex/,
  closed: /^Connection terminated|not queryable$/,
  protocol: /^Received unexpected|^Unknown authentication/,
  authentication: /^SASL/,
  tls: /SSL/,
};

/** Returns DatabaseUnavailable if `error` concerns the connection or the server, any other error unchanged. */
export function toUnavailable(error: unknown, mayBeDone: boolean): unknown {
  if (error instanceof DatabaseError) {
    // Every error of PostgreSQL has a code.
    const { code = 'protocol' } = error;
    // A server that may have done the statement, although it reports an error, is in trouble whatever the code.
    const isTrouble = mayBeDone || code === 'protocol' || SERVER_TROUBLE.test(code);
    return isTrouble ? new DatabaseUnavailable(code, error, mayBeDone) : error;
  }
  if (!(error instanceof Error) || isCancellation(error)) return error;
  const { code } = error as NodeJS.ErrnoException;
  // A code of Node's, from a socket or from TLS. Codes of certificates do not begin with an E.
  if (code) return new DatabaseUnavailable(code, error, mayBeDone);
  const known = Object.entries(NO_CONNECTION).find(([, message]) => message.test(error.message));
  return known ? new DatabaseUnavailable(known[0], error, mayBeDone) : error;
}

/** The error of a connection that could not be opened: always DatabaseUnavailable, and nothing was sent. */
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

/** The error of a server that has not answered in time, or only because it was asked to cancel. */
export function timedOut(cause?: unknown): DatabaseUnavailable {
  return new DatabaseUnavailable('timeout', new Error('not answered in time', { cause }));
}
