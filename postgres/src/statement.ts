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

const NO_TIMEOUT = 'reset statement_timeout';

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
  setTimeoutOf(client, scope?.remainingMs ?? Number.POSITIVE_INFINITY);
  const result = client.query<Row>(statement).catch((error) => {
    const isStopped = error instanceof DatabaseError && error.code === QUERY_CANCELED;
    throw isStopped && scope?.remainingMs === 0 ? new DeadlineExceeded() : error;
  });
  return result.finally(() => answered);
}

/** The client is in pipeline mode: this goes out together with the statement behind it. */
function setTimeoutOf(client: Client, budgetMs: number): void {
  // At least two hundredths above: when it comes, the deadline has passed by anybody's clock.
  const steps = Math.ceil(Math.log(budgetMs) / Math.log(STEP) + 0.1);
  const timeoutMs = Math.max(1, Math.ceil(STEP ** steps)); // 0 would be none.
  const setting = timeoutMs < 2 ** 31 ? `set statement_timeout = ${timeoutMs}` : NO_TIMEOUT;
  if (setting === (settings.get(client) ?? NO_TIMEOUT)) return;
  settings.set(client, setting);
  // A cancel may meet this instead of the statement.
  client.query(setting).catch(() => settings.set(client, 'unknown'));
}
