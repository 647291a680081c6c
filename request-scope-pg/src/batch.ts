import { DatabaseError, type QueryResultRow } from 'pg';
import { DeadlineExceeded, type ScopeView } from 'request-scope';
import { mustBeScope, mustBeValues } from './check-arguments.ts';
import { DatabaseUnavailable } from './errors.ts';
import { databaseQuery } from './events.ts';
import { ENDED_WAITING } from './pg-errors.ts';
import type { Pool } from './pool.ts';

export interface BatchOptions {
  /** The column of the returned rows that has the first value of their write. */
  keyColumn: string;
  /** Whether the database may refuse a write while it is away; otherwise the write waits. */
  refusable: boolean;
}

/** In milliseconds. A write whose scope has less time left is not sent. */
const EXPECTED_MS = 1;

/** How many writes are sent together. */
const MAX_WRITES = 1_000;

interface Write<Row> {
  key: unknown;
  values: readonly unknown[];
  scope: ScopeView | undefined;
  /** Stops listening to the scope. */
  sent: () => void;
  resolve: (row: Row | undefined) => void;
  reject: (reason: unknown) => void;
}

/**
 * Sends the writes that wait together as one statement. No write waits for a timer: those that come while a
 * batch is under way are the next one.
 *
 * A scope bounds the wait of its write. A write that has been sent is not canceled. If a batch fails because of
 * one write, each of its writes is sent alone. A lost connection concerns the writes of its batch and no other.
 * Writes are sent in the order of arrival. Two writes with the same key are never in one batch, because one
 * statement cannot write a row twice.
 */
export class Batch<Row extends QueryResultRow> {
  readonly #pool: Pick<Pool, 'send'>;
  readonly #text: string;
  readonly #options: BatchOptions;
  readonly #waiting = new Set<Write<Row>>();
  readonly #pending = new Set<Promise<unknown>>();
  #isUnderWay = false;
  #isClosed = false;
  /** Aborts the batch that waits for a connection, if there is one. */
  #queued: AbortController | undefined;

  /** @internal */
  constructor(pool: Pick<Pool, 'send'>, text: string, options: BatchOptions) {
    this.#pool = pool;
    this.#text = text;
    this.#options = options;
  }

  /**
   * Resolves with the row that the statement returned for this write, or undefined if it returned none.
   *
   * @param values one for each array of the statement; the first is the key.
   * @param scope bounds the wait until the write is sent.
   * @throws The reason of `scope` if it aborts before the write is sent.
   * @throws DeadlineExceeded if less than 1 ms is left when the write could be sent.
   * @throws DatabaseUnavailable or TooManyWaiting as `Pool.query` does.
   * @throws pg's error if the statement fails because of this write.
   * @throws TypeError if `scope` is none.
   * @throws Error if the pool was closed.
   */
  write(values: readonly unknown[], scope?: ScopeView): Promise<Row | undefined> {
    return databaseQuery.tracePromise(() => this.#enqueue(values, scope), { text: this.#text });
  }

  /** Accepts no more writes, and resolves when none waits or is under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    while (this.#pending.size > 0) await Promise.all(this.#pending);
  }

  async #enqueue(
    values: readonly unknown[],
    scope: ScopeView | undefined,
  ): Promise<Row | undefined> {
    if (this.#isClosed) throw new Error('the pool is closed');
    mustBeValues(values);
    mustBeScope(scope);
    const signal = scope?.signal;
    signal?.throwIfAborted();
    return await new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiting.delete(write);
        reject(signal?.reason);
        if (this.#waiting.size === 0) this.#queued?.abort();
      };
      const sent = () => signal?.removeEventListener('abort', leave);
      const write = { key: values[0], values, scope, sent, resolve, reject };
      signal?.addEventListener('abort', leave, { once: true });
      this.#waiting.add(write);
      this.#queueNext();
    });
  }

  /** Lets the writes that wait, and those still to come, wait for a connection together. */
  #queueNext(): void {
    if (this.#isUnderWay || this.#waiting.size === 0) return;
    this.#isUnderWay = true;
    const queued = new AbortController();
    this.#queued = queued;
    const sent = this.#sendNext(queued.signal).then(() => {
      this.#isUnderWay = false;
      this.#queueNext();
    });
    this.#track(sent);
  }

  /** `close` waits for `sent`, which never rejects. */
  #track(sent: Promise<unknown>): void {
    this.#pending.add(sent);
    sent.then(() => this.#pending.delete(sent));
  }

  async #sendNext(signal: AbortSignal): Promise<void> {
    let batch: Write<Row>[] | undefined;
    const take = () => {
      this.#queued = undefined;
      batch = this.#take();
      return batch;
    };
    try {
      const rows = await this.#send(take, { signal, remainingMs: Number.POSITIVE_INFINITY });
      const { keyColumn } = this.#options;
      const byKey = new Map(rows.map((row) => [row[keyColumn] as unknown, row]));
      for (const { key, resolve } of batch ?? []) resolve(byKey.get(key));
    } catch (error) {
      if (signal.aborted) return; // Every write has left.
      // No connection was to be had: that concerns all who wait for one.
      const failed = batch ?? this.#takeAll();
      // Not awaited: a write that waits for a lock must not hold up the next batch as well.
      if (failed.length > 1 && isOfOneWrite(error))
        for (const write of failed) this.#sendAlone(write);
      else for (const { reject } of failed) reject(error);
    }
  }

  #sendAlone(write: Write<Row>): void {
    const send = this.#send(() => [write], write.scope);
    this.#track(send.then(([row]) => write.resolve(row), write.reject));
  }

  async #send(take: () => Write<Row>[], scope: ScopeView | undefined): Promise<Row[]> {
    const { refusable } = this.#options;
    const options = { uncancelable: true, expectedMs: EXPECTED_MS, refusable };
    const columns = () => toColumns(take());
    return (await this.#pool.send<Row>(this.#text, columns, scope, options)).rows;
  }

  #takeAll(): Write<Row>[] {
    const all = [...this.#waiting];
    this.#waiting.clear();
    for (const { sent } of all) sent();
    return all;
  }

  /** The writes of a batch about to be sent. A write whose key is in it already stays in line. */
  #take(): Write<Row>[] {
    const batch = new Map<unknown, Write<Row>>();
    for (const write of this.#waiting) {
      if (batch.size === MAX_WRITES) break;
      if (batch.has(write.key)) continue;
      this.#waiting.delete(write);
      write.sent();
      const isLate = write.scope && write.scope.remainingMs < EXPECTED_MS;
      if (isLate) write.reject(new DeadlineExceeded());
      else batch.set(write.key, write);
    }
    return [...batch.values()];
  }
}

/** An array per value, for `unnest`. */
function toColumns<Row>(batch: Write<Row>[]): unknown[][] {
  const [first] = batch;
  if (!first) throw new DeadlineExceeded(); // All writes were late, and each knows it.
  return first.values.map((_, index) => batch.map(({ values }) => values[index]));
}

/** Whether the statement was rolled back, and may be done without the write that it failed for. */
function isOfOneWrite(error: unknown): boolean {
  if (error instanceof DatabaseError) return true;
  const isUndone = error instanceof DatabaseUnavailable && !error.mayBeDone;
  return isUndone && ENDED_WAITING.includes(error.code);
}
