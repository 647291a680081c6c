import type { QueryResult, QueryResultRow } from 'pg';
import { DeadlineExceeded } from '#request-scope';
import { connectionsTo } from './connections.ts';
import { unavailable } from './errors.ts';
import { type DatabaseQuery, databaseCancel, databaseQuery } from './events.ts';
import { send } from './statement.ts';
import { stop } from './stop.ts';
import { type Patience, Turns } from './turns.ts';

export interface PoolOptions {
  /** How many queries run at a time. One connection more is for cancels, from the first on. */
  maxConnections: number;
  /** How many may wait for a connection, besides what may not be refused; 1,000 unless given. */
  maxWaiting?: number;
  /** How many milliseconds it may take to open a connection or to stop a query; 5,000 unless given. */
  connectTimeoutMs?: number;
}

interface Statement extends DatabaseQuery {
  values: unknown[];
  expectedMs: number;
  toItsEnd: boolean;
  mayBeRefused: boolean;
}

/** A pool for the server at `url`: `postgres://user:password@host:port/database`. Opens nothing yet. */
export function createPool(url: string, options: PoolOptions): Pool {
  return new Pool(url, options);
}

export class Pool implements AsyncDisposable {
  readonly #turns: Turns;
  readonly #connections: ReturnType<typeof connectionsTo>;
  readonly #timeoutMs: number;
  #closed: Promise<void> | undefined;

  constructor(url: string, options: PoolOptions) {
    const { maxConnections, maxWaiting = 1_000, connectTimeoutMs = 5_000 } = options;
    this.#timeoutMs = connectTimeoutMs;
    this.#turns = new Turns(maxConnections, maxWaiting);
    this.#connections = connectionsTo(url, maxConnections, connectTimeoutMs);
  }

  /**
   * Runs one statement and resolves with pg's result. As soon as `scope` aborts, waiting or at work,
   * it rejects with the scope's reason, and the statement is stopped. With `toItsEnd` the scope bounds
   * only the wait, and what has been sent is never canceled: for a short write, whose outcome must be
   * known. Rejects with DeadlineExceeded too if less than `expectedMs` milliseconds are left when its turn
   * comes, with TooManyWaiting if it `mayBeRefused`, with DatabaseUnavailable, or with pg's error.
   */
  async query<Row extends QueryResultRow = QueryResultRow>(
    text: string,
    values: unknown[] = [],
    scope?: Patience,
    { expectedMs = 0, toItsEnd = false, mayBeRefused = scope !== undefined } = {},
  ): Promise<QueryResult<Row>> {
    if (this.#closed) throw new Error('the pool is closed');
    const statement = { text, values, expectedMs, toItsEnd, mayBeRefused };
    return databaseQuery.tracePromise(() => this.#inTurn<Row>(statement, scope), statement);
  }

  /** Lets those who wait and those at work finish, then closes all connections. */
  close(): Promise<void> {
    const { statements, cancels } = this.#connections;
    this.#closed ??= this.#turns
      .takeAll()
      .then(() => Promise.all([statements.end(), cancels.end()]))
      .then(() => {});
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #inTurn<Row extends QueryResultRow>(
    statement: Statement,
    scope: Patience | undefined,
  ): Promise<QueryResult<Row>> {
    await this.#turns.take(scope, statement.mayBeRefused);
    return await new Promise((resolve, reject) => {
      const work = this.#run<Row>(statement, scope, reject);
      work.then(resolve, (error) => reject(unavailable(error))).then(() => this.#turns.end());
    });
  }

  /** Settles when the connection has been given back; calls `leave` as soon as `scope` aborts. */
  async #run<Row extends QueryResultRow>(
    query: Statement,
    scope: Patience | undefined,
    leave: (reason: unknown) => void,
  ): Promise<QueryResult<Row>> {
    const { text, values, expectedMs, toItsEnd } = query;
    const { statements, cancels } = this.#connections;
    const signal = scope?.signal;
    let cancel: (() => Promise<void>) | undefined;
    let canceled: Promise<void> | undefined;
    const abort = () => {
      leave(signal?.reason);
      canceled = cancel?.();
    };
    signal?.throwIfAborted();
    signal?.addEventListener('abort', abort);
    try {
      const client = await statements.connect();
      try {
        signal?.throwIfAborted();
        if (scope && scope.remainingMs < expectedMs) throw new DeadlineExceeded();
        if (toItsEnd) signal?.removeEventListener('abort', abort);
        const statement = toItsEnd
          ? { text, values, query_timeout: this.#timeoutMs }
          : { text, values };
        const answer = send<Row>(client, statement, toItsEnd ? undefined : scope);
        cancel = () => {
          const stopped = () => stop(client, answer, cancels, this.#timeoutMs);
          return databaseCancel.tracePromise(stopped, { query });
        };
        return await answer;
      } finally {
        // First this: an abort from here on would cancel what comes next on the connection.
        signal?.removeEventListener('abort', abort);
        await canceled;
        // A transaction that was left open goes with its connection.
        client.release(client.getTransactionStatus() !== 'I');
      }
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }
}
