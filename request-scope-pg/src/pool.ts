import {
  Pool as Connections,
  DatabaseError,
  type PoolClient,
  type PoolConfig,
  type QueryResult,
  type QueryResultRow,
} from 'pg';
import { DeadlineExceeded, type ScopeView } from 'request-scope';
import { Batch, type BatchOptions } from './batch.ts';
import { mustBeScope, mustBeUrl, mustBeValues } from './check-arguments.ts';
import type { ConnectOptions } from './connect-options.ts';
import { Connection, clientConfig } from './connection.ts';
import { DatabaseUnavailable } from './errors.ts';
import { databaseQuery } from './events.ts';
import { ENDED_WAITING, toNotConnected } from './pg-errors.ts';
import { type Limits, RunningStatement, type Statement } from './running-statement.ts';
import { Semaphore } from './semaphore.ts';

export interface PoolOptions extends ConnectOptions {
  /** How many queries run at a time; 10 unless given. */
  maxConnections?: number;
  /** How many refusable queries may wait for a connection; 10,000 unless given. */
  maxWaiting?: number;
  /**
   * How many milliseconds it may take to open a connection, to cancel a query, or to run an uncancelable one;
   * 5,000 unless given.
   */
  connectTimeoutMs?: number;
  /** How many milliseconds a query without a deadline may take; 60,000 unless given. */
  maxQueryMs?: number;
  /** After how many queries a connection is closed; never unless given. */
  maxUses?: number;
}

export interface QueryOptions {
  /** The query is not sent if its scope has less time left than this, in milliseconds; 0 unless given. */
  expectedMs?: number;
  /**
   * An abort does not cancel the query once it was sent: the scope bounds only the wait for a connection. For a
   * short write, whose outcome must be known. False unless given.
   */
  uncancelable?: boolean;
  /**
   * Whether the query may be refused while too many wait or the database is away. If not given: if it has a
   * scope.
   */
  refusable?: boolean;
}

/** How the queries of a pool have ended. */
export interface Outcomes {
  /** How many the server has answered, with a result or with an error. */
  answered: number;
  /** How many ended with DatabaseUnavailable, apart from those that were refused. */
  failed: number;
  /** The code of the last failure. */
  failure: string;
}

interface QueuedStatement extends Statement {
  expectedMs: number;
  refusable: boolean;
}

/** How many cancel requests are under way at a time: each makes the server start a process. */
const MAX_CANCELS = 20;

/** How long a query may wait for a connection. */
const MAX_WAIT_MS = 15_000;

/**
 * A pool for the server at `url`: `postgres://user:password@host:port/database`, with the parameters of pg, such as
 * `?sslmode=require`. Opens no connection yet.
 *
 * @throws TypeError if `url` is no text.
 * @throws RangeError if `maxConnections` is not a whole number from 1.
 */
export function createPool(url: string, options: PoolOptions = {}): Pool {
  return new Pool(url, options);
}

/** pg's pool, with queries that leave the queue, or stop in the database, as soon as their scope aborts. */
export class Pool implements AsyncDisposable {
  readonly #queue: Semaphore;
  readonly #limits: Limits;
  readonly #connect: () => Connections;
  #connections: Connections;
  #outcomes: Outcomes = { answered: 0, failed: 0, failure: '' };
  readonly #batches: { close(): Promise<void> }[] = [];
  #closed: Promise<void> | undefined;

  constructor(url: string, options: PoolOptions) {
    mustBeUrl(url);
    const { maxConnections: max = 10, maxWaiting = 10_000, maxUses } = options;
    if (!Number.isInteger(max) || max < 1) throw new RangeError(`maxConnections is ${max}`);
    const { connectTimeoutMs: timeoutMs = 5_000, maxQueryMs = 60_000 } = options;
    const cancels = new Semaphore(MAX_CANCELS, { maxWaitMs: MAX_WAIT_MS });
    this.#limits = { timeoutMs, maxQueryMs, cancels };
    this.#queue = new Semaphore(max, { maxWaiting, maxWaitMs: MAX_WAIT_MS });
    const Client = Connection as unknown as PoolConfig['Client'];
    this.#connect = () => {
      const config = { ...clientConfig(url, options), max, pipeline: true, Client };
      const connections = new Connections({ ...config, ...(maxUses && { maxUses }) });
      return connections.on('error', () => {}); // The query on that connection rejects with the error.
    };
    this.#connections = this.#connect();
  }

  /**
   * Runs one statement and resolves with pg's result.
   *
   * @param values those of `$1`, `$2` and so on.
   * @param scope bounds the query; without one, `maxQueryMs` does.
   * @param options how long the query takes, and whether it may be canceled or refused.
   * @throws The reason of `scope` as soon as it aborts, in the queue, while connecting or at work; the statement
   * is canceled in the database.
   * @throws DeadlineExceeded if less than `expectedMs` is left when a connection is free.
   * @throws TooManyWaiting if the queue is full and the query is refusable, or after 15 s in the queue.
   * @throws DatabaseUnavailable if the connection or the server fails.
   * @throws pg's error if the statement itself fails.
   * @throws TypeError if `values` is no array, or `scope` no scope.
   * @throws Error if the pool was closed.
   */
  async query<Row extends QueryResultRow = QueryResultRow>(
    text: string,
    values: unknown[] = [],
    scope?: ScopeView,
    { expectedMs = 0, uncancelable = false, refusable = scope !== undefined }: QueryOptions = {},
  ): Promise<QueryResult<Row>> {
    if (this.#closed) throw new Error('the pool is closed');
    mustBeValues(values);
    mustBeScope(scope);
    const statement = { text, values: () => values, expectedMs, uncancelable, refusable };
    return databaseQuery.tracePromise(() => this.#enqueue<Row>(statement, scope), statement);
  }

  /**
   * A batch over this pool: see Batch.
   *
   * @param text a statement that takes an array per value, the key of the write first: `unnest($1::text[], …)` or
   * `= any($1::text[])`. It must return at most one row per write.
   */
  batch<Row extends QueryResultRow>(text: string, options: BatchOptions): Batch<Row> {
    const batch = new Batch<Row>(this, text, options);
    this.#batches.push(batch);
    return batch;
  }

  /**
   * As `query`, for a batch: `values` is called when the statement is sent, and nothing is published, because
   * the batch publishes each write.
   *
   * @internal
   */
  send<Row extends QueryResultRow>(
    text: string,
    values: () => unknown[],
    scope: ScopeView | undefined,
    options: Required<QueryOptions>,
  ): Promise<QueryResult<Row>> {
    return this.#enqueue<Row>({ text, values, ...options }, scope);
  }

  /** How queries have ended since the last call, or since the pool was made. */
  takeOutcomes(): Outcomes {
    const outcomes = this.#outcomes;
    this.#outcomes = { answered: 0, failed: 0, failure: '' };
    return outcomes;
  }

  /** Rejects refusable queries, also those in the queue, with DatabaseUnavailable, until `reason` is undefined. */
  refuse(reason: { code: string; cause: Error } | undefined): void {
    this.#queue.refuse(reason && new DatabaseUnavailable(reason.code, reason.cause, false));
  }

  /** Closes the idle connections, and the others once they have answered. */
  renew(): void {
    if (this.#closed) return;
    const old = this.#connections;
    this.#connections = this.#connect();
    // Not at once, because pg's pool may have promised an idle connection in this very tick.
    setImmediate(() => void old.end());
  }

  /** Resolves once all queries, also those in the queue, have ended and all connections are closed. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    await Promise.all(this.#batches.map((batch) => batch.close()));
    await this.#queue.drain();
    await this.#connections.end();
  }

  /**
   * Settles when the answer has arrived or `scope` aborts. The next in the queue waits for the connection
   * itself.
   */
  async #enqueue<Row extends QueryResultRow>(
    statement: QueuedStatement,
    scope: ScopeView | undefined,
  ): Promise<QueryResult<Row>> {
    await this.#queue.acquire(scope?.signal, statement);
    return await new Promise((resolve, reject) => {
      const work = this.#run<Row>(statement, scope, reject);
      const failed = (error: unknown) => {
        this.#count(error);
        reject(error);
      };
      const answered = (result: QueryResult<Row>) => {
        this.#outcomes.answered += 1;
        resolve(result);
      };
      work.then(answered, failed).then(() => this.#queue.release());
    });
  }

  #count(error: unknown): void {
    if (error instanceof DatabaseError) this.#outcomes.answered += 1;
    if (!(error instanceof DatabaseUnavailable)) return;
    this.#outcomes.failed += 1;
    this.#outcomes.failure = error.code;
  }

  /** Settles when the connection has been given back; calls `leave` as soon as `scope` aborts. */
  async #run<Row extends QueryResultRow>(
    statement: QueuedStatement,
    scope: ScopeView | undefined,
    leave: (reason: unknown) => void,
  ): Promise<QueryResult<Row>> {
    const connections = this.#connections;
    const signal = scope?.signal;
    let running: RunningStatement<Row> | undefined;
    const abort = () => {
      leave(signal?.reason);
      running?.cancel();
    };
    signal?.throwIfAborted();
    signal?.addEventListener('abort', abort);
    try {
      const client = await open(connections);
      let isBroken = false;
      try {
        signal?.throwIfAborted();
        if (scope && scope.remainingMs < statement.expectedMs) throw new DeadlineExceeded();
        if (statement.uncancelable) signal?.removeEventListener('abort', abort);
        running = new RunningStatement<Row>(client, statement, scope, this.#limits);
        return await running.answer();
      } catch (error) {
        isBroken = error instanceof DatabaseUnavailable && !ENDED_WAITING.includes(error.code);
        throw error;
      } finally {
        // Before anything else: a later abort would cancel the next statement on the connection.
        signal?.removeEventListener('abort', abort);
        await running?.canceled;
        // If the statement left a transaction open, its connection is closed, and the transaction with it.
        client.release(isBroken || client.getTransactionStatus() !== 'I');
        // What broke this connection may have broken all others of its age.
        if (isBroken && connections === this.#connections) this.renew();
      }
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }
}

async function open(connections: Connections): Promise<Connection & PoolClient> {
  try {
    return (await connections.connect()) as Connection & PoolClient;
  } catch (error) {
    throw toNotConnected(error);
  }
}
