import { DatabaseError, type QueryConfig, type QueryResult, type QueryResultRow } from 'pg';
import { DeadlineExceeded } from 'request-scope';
import { brokenProtocol, type Connection } from './connection.ts';
import { unavailable } from './errors.ts';
import type { Patience } from './semaphore.ts';

/** SQLSTATE query_canceled: by a cancel, or by statement_timeout. */
export const QUERY_CANCELED = '57014';

/** How a server says which of them it was; in another language it is not known. */
const TIMED_OUT = /statement timeout/;

/** As each connection begins: a timeout of the role or the database is none of a query's. */
const NO_TIMEOUT = 'set statement_timeout = 0';

/** Timeouts grow by a quarter, so that what a connection has set is seldom to be set anew. */
const STEP = 1.25;

/** How long the server has to say what comes after an error: that it is ready, or goodbye. */
const AFTER_ERROR_MS = 1_000;

/** What a connection has set; nothing says NO_TIMEOUT. */
const settings = new WeakMap<Connection, string>();

/**
 * Sends one statement, which the server itself stops some time after the deadline of `scope`. Settles
 * as pg does, or with DeadlineExceeded where the server was the first to see that pass; but not before
 * the connection is ready for the next statement, or is closed: an error may be followed by either.
 * What is said of the connection is DatabaseUnavailable.
 */
export async function send<Row extends QueryResultRow>(
  client: Connection,
  statement: QueryConfig,
  scope: Patience | undefined,
): Promise<QueryResult<Row>> {
  const ready = untilReady(client);
  const changed = setTimeoutOf(client, scope?.remainingMs ?? Number.POSITIVE_INFINITY);
  try {
    const result = await client.query<Row>(statement);
    const last = Array.isArray(result) ? result.at(-1) : result;
    // Said to be done by a server that has not said what it has done.
    if (!last.command) throw brokenProtocol();
    return result;
  } catch (error) {
    const isRolledBack = await ready.within(AFTER_ERROR_MS);
    if (!isRolledBack) client.destroy();
    const isStopped = error instanceof DatabaseError && error.code === QUERY_CANCELED;
    if (!isStopped) throw unavailable(error, !isRolledBack);
    if (scope?.remainingMs === 0) throw new DeadlineExceeded();
    // It was the timeout of the query before: nothing was done, and nobody has given up. It may pass as
    // the next one is set, and PostgreSQL reports that on what comes next.
    if (!changed || !TIMED_OUT.test(error.message) || scope?.signal.aborted) throw error;
    await changed;
    return await send<Row>(client, statement, scope);
  } finally {
    ready.forget();
  }
}

/**
 * Whether the connection is ready for the next statement (true), or has ended or says nothing (false). A
 * statement that has failed on one that is ready was not done.
 */
function untilReady(client: Connection) {
  let settle = (_isReady: boolean) => {};
  const settled = new Promise<boolean>((resolve) => {
    settle = resolve;
  });
  const ready = () => settle(true);
  const ended = () => settle(false);
  client.on('drain', ready).on('end', ended);
  return {
    async within(delayMs: number): Promise<boolean> {
      const timer = setTimeout(ended, delayMs);
      const isReady = await settled;
      clearTimeout(timer);
      return isReady;
    },
    forget() {
      client.off('drain', ready).off('end', ended);
    },
  };
}

/**
 * Resolves when the server has answered; undefined where nothing is to be changed. The client is in
 * pipeline mode: this goes out together with the statement behind it.
 */
function setTimeoutOf(client: Connection, budgetMs: number): Promise<void> | undefined {
  // At least two hundredths above: when it comes, the deadline has passed by anybody's clock.
  const steps = Math.ceil(Math.log(budgetMs) / Math.log(STEP) + 0.1);
  const timeoutMs = Math.max(1, Math.ceil(STEP ** steps)); // 0 would be none.
  const setting = timeoutMs < 2 ** 31 ? `set statement_timeout = ${timeoutMs}` : NO_TIMEOUT;
  if (setting === (settings.get(client) ?? NO_TIMEOUT)) return undefined;
  settings.set(client, setting);
  // A cancel may meet this instead of the statement, and so may the timeout that was set before.
  const failed = () => void settings.set(client, 'unknown');
  return client.query(setting).then(() => {}, failed);
}
