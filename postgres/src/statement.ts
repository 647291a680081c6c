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
  const isSet = setTimeoutOf(client, scope?.remainingMs ?? Number.POSITIVE_INFINITY);
  const result = client.query<Row>(statement).catch(async (error) => {
    const isStopped = error instanceof DatabaseError && error.code === QUERY_CANCELED;
    if (!isStopped) throw error;
    if (scope?.remainingMs === 0) throw new DeadlineExceeded();
    // The timeout of the query before has stopped both: nothing was done, and nobody has given up.
    if (!(await isSet) && !scope?.signal.aborted) return await send<Row>(client, statement, scope);
    throw error;
  });
  return result.finally(() => answered);
}

/**
 * Resolves to whether it is set. The client is in pipeline mode: this goes out together with the
 * statement behind it.
 */
async function setTimeoutOf(client: Client, budgetMs: number): Promise<boolean> {
  // At least two hundredths above: when it comes, the deadline has passed by anybody's clock.
  const steps = Math.ceil(Math.log(budgetMs) / Math.log(STEP) + 0.1);
  const timeoutMs = Math.max(1, Math.ceil(STEP ** steps)); // 0 would be none.
  const setting = timeoutMs < 2 ** 31 ? `set statement_timeout = ${timeoutMs}` : NO_TIMEOUT;
  if (setting === (settings.get(client) ?? NO_TIMEOUT)) return true;
  settings.set(client, setting);
  try {
    await client.query(setting);
    return true;
  } catch {
    // A cancel may meet this instead of the statement, and so may the timeout that was set before.
    settings.set(client, 'unknown');
    return false;
  }
}
