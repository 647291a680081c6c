import { DatabaseError, type QueryConfig, type QueryResult, type QueryResultRow } from 'pg';
import { DeadlineExceeded, type ScopeView } from 'request-scope';
import { atMost } from './at-most.ts';
import type { Connection } from './connection.ts';
import { QUERY_CANCELED, toUnavailable } from './pg-errors.ts';
import { protocolError } from './protocol-guard.ts';

/** Distinguishes a timeout from a cancel. Only English messages are recognized. */
const TIMED_OUT = /statement timeout/;

/** The setting of each new connection. */
const NO_TIMEOUT = 'set statement_timeout = 0';

/** Timeouts are powers of this, so that a connection seldom has to change its setting. */
const STEP = 1.25;

/** How long the server has, after an error, to say that it is ready or to close the connection. */
const AFTER_ERROR_MS = 1_000;

/** The setting that a connection has now; NO_TIMEOUT if there is none. */
const timeouts = new WeakMap<Connection, string>();

/**
 * Sends one statement, which the server itself ends some time after the deadline of `scope`. Settles only when
 * the connection is ready for the next statement, or is closed.
 *
 * @throws DeadlineExceeded if the server was the first to see the deadline pass.
 * @throws DatabaseUnavailable if the error concerns the connection or the server.
 * @throws pg's error otherwise.
 */
export async function sendStatement<Row extends QueryResultRow>(
  client: Connection,
  statement: QueryConfig,
  scope: ScopeView | undefined,
): Promise<QueryResult<Row>> {
  const ready = untilReady(client);
  const changed = setTimeoutOf(client, scope?.remainingMs ?? Number.POSITIVE_INFINITY);
  try {
    const result = await client.query<Row>(statement);
    const last = Array.isArray(result) ? result.at(-1) : result;
    // The server says that it is done, but not what it has done.
    if (!last.command) throw protocolError();
    return result;
  } catch (error) {
    // pg rejects at the server's error message, before the end of the statement. Then ReadyForQuery follows:
    // the statement was rolled back, and the connection can be used again. Or the connection ends, as FATAL
    // errors announce. Until then it is unknown whether the statement was done, and a server that sends neither
    // has broken the connection.
    const isRolledBack = (await atMost(AFTER_ERROR_MS, ready.settled)) === true;
    if (!isRolledBack) client.destroy();
    const isCanceled = error instanceof DatabaseError && error.code === QUERY_CANCELED;
    if (!isCanceled || !isRolledBack) throw toUnavailable(error, !isRolledBack);
    if (scope?.remainingMs === 0) throw new DeadlineExceeded();
    // The timeout of the previous query may expire while the new one is being set. PostgreSQL then reports it
    // on the next statement, which is this one. Nothing was done, and the scope has not aborted, so it is sent
    // again.
    if (!changed || !TIMED_OUT.test(error.message) || scope?.signal.aborted) throw error;
    await changed;
    return await sendStatement<Row>(client, statement, scope);
  } finally {
    ready.forget();
  }
}

/** `settled`: true when the connection is ready for the next statement, false when it has ended. */
function untilReady(client: Connection) {
  let settle = (_isReady: boolean) => {};
  const settled = new Promise<boolean>((resolve) => {
    settle = resolve;
  });
  const ready = () => settle(true);
  const ended = () => settle(false);
  client.on('drain', ready).on('end', ended);
  return {
    settled,
    forget() {
      client.off('drain', ready).off('end', ended);
    },
  };
}

/**
 * Resolves when the server has answered; undefined if there is nothing to change. The client is in pipeline mode:
 * the setting travels together with the statement behind it, without a round trip of its own.
 */
function setTimeoutOf(client: Connection, budgetMs: number): Promise<void> | undefined {
  // At least 2% above the budget: when the timeout comes, the deadline has passed by either clock.
  const steps = Math.ceil(Math.log(budgetMs) / Math.log(STEP) + 0.1);
  const timeoutMs = Math.max(1, Math.ceil(STEP ** steps)); // 0 would be no timeout.
  const setting = timeoutMs < 2 ** 31 ? `set statement_timeout = ${timeoutMs}` : NO_TIMEOUT;
  if (setting === (timeouts.get(client) ?? NO_TIMEOUT)) return undefined;
  timeouts.set(client, setting);
  // A cancel request may stop this instead of the statement, and so may the previous timeout.
  const failed = () => void timeouts.set(client, 'unknown');
  return client.query(setting).then(() => {}, failed);
}
