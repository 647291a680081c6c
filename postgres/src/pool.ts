import {
  Pool as Connections,
  DatabaseError,
  type PoolClient,
  type PoolConfig,
  type QueryResult,
  type QueryResultRow,
} from 'pg';
import { DeadlineExceeded } from 'request-scope';
import { stop } from './cancel-statement.ts';
import { Connection, type ConnectOptions, clientConfig } from './connection.ts';
import { DatabaseUnavailable, unavailable } from './errors.ts';
import { type DatabaseQuery, databaseCancel, databaseQuery } from './events.ts';
import { type Patience, Turns } from './semaphore.ts';
import { QUERY_CANCELED, send } from './statement.ts';

export interface PoolOptions extends ConnectOptions {
  /** How many queries run at a time. */
  maxConnections: number;
  /** How many may wait for a connection, besides what may not be refused; 1,000 unless given. */
  maxWaiting?: number;
  /**
   * How many milliseconds it may take to open a connection, to stop a query, or to do a short write; 5,000
   * unless given.
   */
  connectTimeoutMs?: number;
  /** How many milliseconds a query may take that has no deadline; 60,000 unless given. */
  maxQueryMs?: number;
  /** After how many queries a connection is closed; never unless given. */
  maxUses?: number;
}

interface Statement extends DatabaseQuery {
  values: unknown[];
  expectedMs: number;
  toItsEnd: boolean;
  mayBeRefused: boolean;
}

/** How many cancels are under way at a time: each makes the server start a process. */
const MAX_CANCELS = 20;

/** How long anybody waits for a connection. */
const MAX_WAIT_MS = 15_000;

/**
 * What a short write may take, by the server's clock and by ours, of all the time that it has: it is the
 * server that ends it, where that can be, and says so, and there is time left to ask it to.
 */
const ENDS_ITSELF = 0.6;
const IS_ENDED = 0.8;

/** SQLSTATEs of a write that waited for others, in vain: its connection is as good as another. */
const WAITED = [QUERY_CANCELED, '55P03'];

const NEVER = new AbortController().signal;

/** How the queries of a pool have ended. */
export interface Outcomes {
  answered: number;
  failed: number;
  /** The code of the last one that has failed for the database's sake. */
  failure: string;
}

/** A pool for the server at `url`: `postgres://user:password@host:port/database`. Opens nothing yet. */
export function createPool(url: string, options: PoolOptions): Pool {
  return new Pool(url, options);
}

export class Pool implements AsyncDisposable {
  readonly #turns: Turns;
  readonly #cancels = new Turns(MAX_CANCELS, 0, MAX_WAIT_MS);
  readonly #timeoutMs: number;
  readonly #maxQueryMs: number;
  readonly #connect: () => Connections;
  #connections: Connections;
  #outcomes: Outcomes = { answered: 0, failed: 0, failure: '' };
  #closed: Promise<void> | undefined;

  constructor(url: string, options: PoolOptions) {
    const { maxConnections: max, maxWaiting = 1_000, maxUses } = options;
    const { connectTimeoutMs = 5_000, maxQueryMs = 60_000 } = options;
    this.#timeoutMs = connectTimeoutMs;
    this.#maxQueryMs = maxQueryMs;
    this.#turns = new Turns(max, maxWaiting, MAX_WAIT_MS);
    const config = {
      ...clientConfig(url, options),
      max,
      pipeline: true,
      ...(maxUses && { maxUses }),
    };
    const Client = Connection as unknown as PoolConfig['Client'];
    this.#connect = () => {
      const connections = new Connections({ ...config, Client });
      return connections.on('error', () => {}); // Whoever waits for an answer is told.
    };
    this.#connections = this.#connect();
  }

  /**
   * Runs one statement and resolves with pg's result. As soon as `scope` aborts, waiting or at work,
   * it rejects with the scope's reason, and the statement is stopped. With `toItsEnd` the scope bounds
   * only the wait, and what has been sent is not canceled for its sake: for a short write, whose outcome
   * must be known. Rejects with DeadlineExceeded too if less than `expectedMs` milliseconds are left when
   * its turn comes, with TooManyWaiting, also if it `mayBeRefused`, with DatabaseUnavailable, or with pg's
   * error.
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

  /** How queries have ended since this was asked last. */
  takeOutcomes(): Outcomes {
    const outcomes = this.#outcomes;
    this.#outcomes = { answered: 0, failed: 0, failure: '' };
    return outcomes;
  }

  /** From now on what may be refused is, also in line, with DatabaseUnavailable; until there is no reason. */
  refuse(reason: { code: string; cause: Error } | undefined): void {
    this.#turns.refuse(reason && new DatabaseUnavailable(reason.code, reason.cause, false));
  }

  /** Closes the connections that are idle, and the others when they have answered. */
  renew(): void {
    if (this.#closed) return;
    const old = this.#connections;
    this.#connections = this.#connect();
    // Later: pg's pool may have promised an idle one in this very moment.
    setImmediate(() => void old.end());
  }

  /** Lets those who wait and those at work finish, then closes all connections. */
  close(): Promise<void> {
    this.#closed ??= this.#turns.takeAll().then(() => this.#connections.end());
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
      const failed = (error: unknown) => {
        this.#count(error);
        reject(error);
      };
      const answered = (result: QueryResult<Row>) => {
        this.#outcomes.answered += 1;
        resolve(result);
      };
      work.then(answered, failed).then(() => this.#turns.end());
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
    query: Statement,
    scope: Patience | undefined,
    leave: (reason: unknown) => void,
  ): Promise<QueryResult<Row>> {
    const connections = this.#connections;
    const signal = scope?.signal;
    let sent: Sent<Row> | undefined;
    const abort = () => {
      leave(signal?.reason);
      sent?.cancel(this.#timeoutMs);
    };
    signal?.throwIfAborted();
    signal?.addEventListener('abort', abort);
    try {
      const client = await this.#open(connections);
      let isBroken = false;
      try {
        signal?.throwIfAborted();
        if (scope && scope.remainingMs < query.expectedMs) throw new DeadlineExceeded();
        if (query.toItsEnd) signal?.removeEventListener('abort', abort);
        sent = this.#send<Row>(client, query, scope);
        return await (query.toItsEnd ? this.#written(sent) : this.#read(sent, scope));
      } catch (error) {
        isBroken = error instanceof DatabaseUnavailable && !WAITED.includes(error.code);
        throw error;
      } finally {
        // First this: an abort from here on would cancel what comes next on the connection.
        signal?.removeEventListener('abort', abort);
        await sent?.canceled;
        // A transaction that was left open goes with its connection.
        client.release(isBroken || client.getTransactionStatus() !== 'I');
        // What is true of one connection may be true of all that are as old.
        if (isBroken && connections === this.#connections) this.renew();
      }
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  async #open(connections: Connections): Promise<Connection & PoolClient> {
    try {
      return (await connections.connect()) as Connection & PoolClient;
    } catch (error) {
      const { code = 'protocol' } = error as NodeJS.ErrnoException;
      const known = unavailable(error, false);
      if (known instanceof DatabaseUnavailable) throw known;
      throw new DatabaseUnavailable(code, error as Error, false);
    }
  }

  #send<Row extends QueryResultRow>(
    client: Connection,
    query: Statement,
    scope: Patience | undefined,
  ): Sent<Row> {
    const { text, values, toItsEnd } = query;
    const patience = toItsEnd ? endsIn(this.#timeoutMs * ENDS_ITSELF) : scope;
    const answer = send<Row>(client, { text, values }, patience);
    const sent: Sent<Row> = {
      answer,
      canceled: undefined,
      cancel: (withinMs) => {
        const stopped = () => stop(client, answer, this.#cancels, withinMs);
        sent.canceled ??= databaseCancel.tracePromise(stopped, { query });
      },
    };
    return sent;
  }

  /** The answer to a short write; where none comes in time, DatabaseUnavailable. */
  async #written<Row extends QueryResultRow>(sent: Sent<Row>): Promise<QueryResult<Row>> {
    let isLate = false;
    const giveUp = () => {
      isLate = true;
      sent.cancel(this.#timeoutMs * (1 - IS_ENDED));
    };
    const timer = setTimeout(giveUp, this.#timeoutMs * IS_ENDED);
    try {
      const result = await sent.answer;
      // A cancel ends the wait for a standby too, and what was written is there, though not on it.
      if (isLate) throw timedOut();
      return result;
    } catch (error) {
      if (isStopped(error)) throw new DatabaseUnavailable(QUERY_CANCELED, error, false);
      throw isLate ? timedOut(error) : error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** The answer to a query, which is stopped if it has no deadline and takes too long. */
  async #read<Row extends QueryResultRow>(
    sent: Sent<Row>,
    scope: Patience | undefined,
  ): Promise<QueryResult<Row>> {
    if (scope && scope.remainingMs < Number.POSITIVE_INFINITY) return await sent.answer;
    let isLate = false;
    const giveUp = () => {
      isLate = true;
      sent.cancel(this.#timeoutMs);
    };
    const timer = setTimeout(giveUp, this.#maxQueryMs);
    try {
      return await sent.answer;
    } catch (error) {
      throw isLate ? timedOut(error) : error;
    } finally {
      clearTimeout(timer);
    }
  }
}

/** A statement that has been sent, and what cancels it within so many milliseconds. */
interface Sent<Row extends QueryResultRow> {
  answer: Promise<QueryResult<Row>>;
  cancel: (withinMs: number) => void;
  canceled: Promise<void> | undefined;
}

/** What nobody ends but the server, in `durationMs` milliseconds. */
function endsIn(durationMs: number): Patience {
  const deadline = performance.now() + durationMs;
  return {
    signal: NEVER,
    get remainingMs() {
      return Math.max(0, deadline - performance.now());
    },
  };
}

function isStopped(error: unknown): error is Error {
  const isCanceled = error instanceof DatabaseError && error.code === QUERY_CANCELED;
  return isCanceled || error instanceof DeadlineExceeded;
}

function timedOut(cause?: unknown): DatabaseUnavailable {
  return new DatabaseUnavailable('timeout', new Error('not answered in time', { cause }));
}
