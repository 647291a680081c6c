import type { QueryResult, QueryResultRow } from 'pg';
import type { ScopeView } from 'request-scope';
import { cancelStatement } from './cancel-statement.ts';
import type { Connection } from './connection.ts';
import { DatabaseUnavailable } from './errors.ts';
import { type DatabaseQuery, databaseCancel } from './events.ts';
import { isStopped, QUERY_CANCELED, timedOut } from './pg-errors.ts';
import type { Semaphore } from './semaphore.ts';
import { sendStatement } from './statement.ts';

/** The bounds of every statement of a pool. */
export interface Limits {
  /** How many milliseconds an uncancelable statement, or the cancel of any statement, may take. */
  timeoutMs: number;
  /** How many milliseconds a statement without a deadline may take. */
  maxQueryMs: number;
  /** Limits how many cancel requests run at a time. */
  cancels: Semaphore;
}

export interface Statement extends DatabaseQuery {
  /** Called when the statement is sent. */
  values: () => unknown[];
  uncancelable: boolean;
}

/**
 * The fractions of `timeoutMs` after which the server ends an uncancelable statement by itself, and after which
 * it is asked to cancel it. A server that ends a statement by itself says so, and the outcome is known; the
 * rest of the time is for the cancel.
 */
const SERVER_ENDS_IT = 0.6;
const CANCELED_AFTER = 0.8;

const NEVER = new AbortController().signal;

/** A statement that has been sent, until it and each cancel request for it have been answered. */
export class RunningStatement<Row extends QueryResultRow> {
  readonly #client: Connection;
  readonly #statement: Statement;
  readonly #limits: Limits;
  readonly #hasDeadline: boolean;
  readonly #answer: Promise<QueryResult<Row>>;
  #canceled: Promise<void> | undefined;

  constructor(
    client: Connection,
    statement: Statement,
    scope: ScopeView | undefined,
    limits: Limits,
  ) {
    this.#client = client;
    this.#statement = statement;
    this.#limits = limits;
    this.#hasDeadline = scope !== undefined && scope.remainingMs < Number.POSITIVE_INFINITY;
    const { text, values, uncancelable } = statement;
    const bound = uncancelable ? endsIn(limits.timeoutMs * SERVER_ENDS_IT) : scope;
    this.#answer = sendStatement<Row>(client, { text, values: values() }, bound);
  }

  /** Cancels the statement, unless that has already begun. */
  cancel(withinMs = this.#limits.timeoutMs): void {
    const cancel = () =>
      cancelStatement(this.#client, this.#answer, this.#limits.cancels, withinMs);
    this.#canceled ??= databaseCancel.tracePromise(cancel, { query: this.#statement });
  }

  /** Settles when no cancel request can arrive any more; undefined if there was none. */
  get canceled(): Promise<void> | undefined {
    return this.#canceled;
  }

  /** The answer. It always comes, because the deadline of the scope or one of the limits bounds it. */
  answer(): Promise<QueryResult<Row>> {
    if (this.#statement.uncancelable) return this.#answerToWrite();
    return this.#hasDeadline ? this.#answer : this.#answerToRead();
  }

  /** @throws DatabaseUnavailable if the statement was ended, or not answered in time. */
  async #answerToWrite(): Promise<QueryResult<Row>> {
    const { timeoutMs } = this.#limits;
    using limit = this.#cancelAfter(timeoutMs * CANCELED_AFTER, timeoutMs * (1 - CANCELED_AFTER));
    try {
      const result = await this.#answer;
      // The cancel has also ended the wait for a standby: the row is written here, but perhaps not there.
      if (limit.hasPassed) throw timedOut();
      return result;
    } catch (error) {
      if (isStopped(error)) throw new DatabaseUnavailable(QUERY_CANCELED, error, false);
      throw limit.hasPassed ? timedOut(error) : error;
    }
  }

  async #answerToRead(): Promise<QueryResult<Row>> {
    using limit = this.#cancelAfter(this.#limits.maxQueryMs);
    try {
      return await this.#answer;
    } catch (error) {
      throw limit.hasPassed ? timedOut(error) : error;
    }
  }

  #cancelAfter(limitMs: number, withinMs?: number) {
    const giveUp = () => {
      limit.hasPassed = true;
      this.cancel(withinMs);
    };
    const timer = setTimeout(giveUp, limitMs);
    const limit = { hasPassed: false, [Symbol.dispose]: () => clearTimeout(timer) };
    return limit;
  }
}

/** A scope that nobody aborts: only the server ends the statement, after `durationMs` milliseconds. */
function endsIn(durationMs: number): ScopeView {
  const deadline = performance.now() + durationMs;
  return {
    signal: NEVER,
    get remainingMs() {
      return Math.max(0, deadline - performance.now());
    },
  };
}
