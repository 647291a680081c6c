import {
  type Client,
  DatabaseError,
  type QueryConfig,
  type QueryResult,
  type QueryResultRow,
} from 'pg';
import { DeadlineExceeded } from '#request-scope';
import type { Patience } from './turns.ts';

/** SQLSTATE query_canceled: by a cancel, or by statement_timeout. */
const QUERY_CANCELED = '57014';

/** How a server says which of them it was; in another language it is not known. */
const TIMED_OUT = /statement timeout/;

/** As each connection begins: a timeout of the role or the database is none of a query's. */
const NO_TIMEOUT = 'set statement_timeout = 0';

/** Timeouts grow by a quarter, so that what a connection has set is seldom to be set anew. */
const STEP = 1.25;

/** What a connection has set; nothing says NO_TIMEOUT. */
const settings = new WeakMap<Client, string>();

/**
 * Sends one statement, which the server itself stops some time after the deadline of `scope`. Settles
 * as pg does, or with DeadlineExceeded where the server was the first to see that pass; but not before
 * the connection is ready for the next statement, or is closed: an error may be followed by either.
 */
export function send<Row extends QueryResultRow>(
  client: Client,
  statement: QueryConfig,
  scope: Patience | undefined,
): Promise<QueryResult<Row>> {
  const answered = new Promise<void>((resolve) => {
    const settle = () => {
      client.off('drain', settle).off('end', settle);
      resolve();
    };
    client.on('drain', settle).on('end', settle);
  });
  const changed = setTimeoutOf(client, scope?.remainingMs ?? Number.POSITIVE_INFINITY);
  const result = client.query<Row>(statement).catch(async (error) => {
    const isStopped = error instanceof DatabaseError && error.code === QUERY_CANCELED;
    if (!isStopped) throw error;
    if (scope?.remainingMs === 0) throw new DeadlineExceeded();
    // It was the timeout of the query before: nothing was done, and nobody has given up. It may pass as
    // the next one is set, and PostgreSQL reports that on what comes next.
    if (!changed || !TIMED_OUT.test(error.message) || scope?.signal.aborted) throw error;
    await changed;
    return await send<Row>(client, statement, scope);
  });
  return result.finally(() => answered);
}

/**
 * Resolves when the server has answered; undefined where nothing is to be changed. The client is in
 * pipeline mode: this goes out together with the statement behind it.
 */
function setTimeoutOf(client: Client, budgetMs: number): Promise<void> | undefined {
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
