import type { Database, Table } from '@orders/chassis';
import { isHttpError } from 'http-errors';
import { isCancellation, type Scope } from 'request-scope';
import type { Order } from '../order.ts';
import { fromCancellation, type NamedStep, OrderFailed } from '../order-failed.ts';
import type { AbandonedAttempt, Attempts, BeginResult } from './attempts.ts';

export const ATTEMPTS: Table = {
  name: 'attempts',
  privileges: ['select', 'insert', 'update', 'delete'],
  columns: [
    'payment_key text not null',
    'caller_key text',
    'product_id text not null',
    'order_id text not null',
    'request_id text not null',
    'status text not null',
    'is_open boolean not null',
    'expires_at timestamp with time zone not null',
    'begun_at timestamp with time zone not null',
  ],
  migrations: [
    (table) => [
      `create table ${table} (
    payment_key text primary key, caller_key text unique, product_id text not null,
    order_id text not null, request_id text not null, status text not null default 'in-flight',
    is_open boolean not null default true, expires_at timestamptz not null)`,
      `create index open_attempts on ${table} (expires_at) where is_open`,
    ],
    // Collation "C", because an index in the C library's order breaks when an upgrade changes that order.
    (table) => [
      `alter table ${table}
    alter payment_key type text collate "C", alter caller_key type text collate "C",
    alter product_id type text collate "C", alter order_id type text collate "C",
    alter request_id type text collate "C", alter status type text collate "C",
    add begun_at timestamptz not null default now()`,
      `create index closed_attempts on ${table} (begun_at) where not is_open`,
    ],
  ],
  unversioned: {
    columns: [
      'payment_key text not null',
      'caller_key text',
      'product_id text not null',
      'order_id text not null',
      'request_id text not null',
      'status text not null',
      'is_open boolean not null',
      'expires_at timestamp with time zone not null',
    ],
    view: 'payment_key, caller_key, product_id, order_id, request_id, status, is_open, expires_at',
  },
};

/** The time in `ms` milliseconds, by the database's clock. */
const AFTER = (ms: string) => `clock_timestamp() + ${ms}::float8 * interval '1 ms'`;

/**
 * The statements on the table of the attempts in `schema`. An order that succeeds takes five: `begin` and `succeed`
 * here, a read of `products` in inventory-service, and `begin` and `commit` in payment-service.
 *
 * Those under `writes` take an array per value, and do for each row what a statement of its own would do.
 */
export function attemptStatements(schema: string) {
  const attempts = `"${schema}".attempts`;
  const writes = {
    begin: `
  insert into ${attempts} (payment_key, caller_key, product_id, order_id, request_id, expires_at)
  select payment_key, caller_key, product_id, order_id, request_id, ${AFTER('max_attempt_ms')}
  from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::float8[])
  as given (payment_key, caller_key, product_id, order_id, request_id, max_attempt_ms) order by caller_key
  on conflict (caller_key) do nothing returning payment_key`,

    find: `
  select caller_key, product_id, order_id, status from ${attempts} where caller_key = any($1::text[])`,

    succeed: `
  update ${attempts} set status = 'processed', is_open = false
  where payment_key = any($1::text[]) and status = 'in-flight' returning payment_key`,

    /** For an attempt without a caller's key: nobody can ask for it again. */
    succeedAndForget: `
  delete from ${attempts} where payment_key = any($1::text[]) and status = 'in-flight'
  returning payment_key`,

    fail: `
  update ${attempts} set status = 'failed'
  where payment_key = any($1::text[]) and status <> 'processed' returning payment_key`,

    findStatus: `
  select payment_key, status from ${attempts} where payment_key = any($1::text[])`,

    close: `
  update ${attempts} set status = 'failed', is_open = false
  where payment_key = any($1::text[]) and status <> 'processed'`,

    forget: `delete from ${attempts} where payment_key = any($1::text[])`,
  };
  return {
    writes,

    /** After `succeedAndForget` with an unknown outcome: the attempt is on record again, failed and open. */
    reopen: `
  insert into ${attempts} (payment_key, product_id, order_id, request_id, expires_at, status)
  values ($1, $2, $3, $4, ${AFTER('$5')}, 'failed')
  on conflict (payment_key) do update set status = 'failed', expires_at = excluded.expires_at`,

    claimAbandoned: `
  update ${attempts} set status = 'failed', expires_at = ${AFTER('$1')} where payment_key in (
    select payment_key from ${attempts} where is_open and expires_at < now()
    order by expires_at limit $2 for update skip locked)
  returning payment_key, caller_key, product_id, order_id, request_id`,
  };
}

/** A row of the table, as the statements return it. */
export interface Row {
  payment_key: string;
  caller_key: string | null;
  product_id: string;
  order_id: string;
  request_id: string;
  status: 'in-flight' | 'processed' | 'failed';
}

const RECORD: NamedStep = { step: 'Order record', service: 'database' };

type AttemptsDatabase = Pick<Database, 'pool' | 'schema' | 'isAvailable'>;

/**
 * The attempts in PostgreSQL, shared by any number of replicas. An attempt is open until it is recorded as
 * processed, or closed. If it stays open for longer than an attempt can take, it is abandoned.
 */
export class PostgresAttempts implements Attempts {
  readonly isDurable = true;
  readonly #database: AttemptsDatabase;
  readonly #statements: ReturnType<typeof attemptStatements>;
  readonly #writes: ReturnType<typeof batches>;
  readonly #maxAttemptMs: number;

  /** `maxAttemptMs`: the longest that an attempt can take. Until then no other replica claims it. */
  constructor(database: AttemptsDatabase, maxAttemptMs: number) {
    this.#database = database;
    this.#statements = attemptStatements(database.schema);
    this.#writes = batches(database.pool, this.#statements.writes);
    this.#maxAttemptMs = maxAttemptMs;
  }

  async begin(order: Order, scope: Scope): Promise<BeginResult> {
    const { productID, orderID, paymentKey, requestId, callerKey } = order;
    const values = [paymentKey, callerKey, productID, orderID, requestId, this.#maxAttemptMs];
    const { begin, find } = this.#writes;
    if (await this.#run(begin.write(values, scope), scope)) return 'begun';
    const known = await this.#run(find.write([callerKey], scope), scope);
    if (known?.product_id !== productID || known.order_id !== orderID) return 'other-order';
    return known.status;
  }

  async succeed(order: Order, scope: Scope): Promise<void> {
    const hasCallerKey = order.callerKey !== undefined;
    const { succeed, succeedAndForget } = this.#writes;
    const batch = hasCallerKey ? succeed : succeedAndForget;
    const succeeded = await batch.write([order.paymentKey], scope).catch(async (error) => {
      // The statement was not sent.
      if (isCancellation(error)) throw fromCancellation(error, scope, RECORD);
      // The record still says in flight: the order failed, and is undone.
      if (isHttpError(error) && error.mayBeDone === false) throw failed(error);
      // The caller can ask again and gets what the record says, so nothing may contradict it before.
      if (hasCallerKey) throw new OrderFailed('outcome-unknown', RECORD);
      await this.#reopen(order);
      throw failed(error);
    });
    if (!succeeded) throw new OrderFailed('deadline-exceeded', RECORD);
  }

  async fail({ paymentKey, callerKey }: Order): Promise<boolean> {
    if (callerKey === undefined) return true; // Nobody can ask for it: it needs no record.
    const { fail, findStatus } = this.#writes;
    if (await this.#run(fail.write([paymentKey]))) return true;
    // A record that its server has lost does not say that the order was processed.
    const known = await this.#run(findStatus.write([paymentKey]));
    return known?.status !== 'processed';
  }

  async close({ paymentKey, callerKey }: Order): Promise<void> {
    const { close, forget } = this.#writes;
    await (callerKey === undefined ? forget : close).write([paymentKey]).catch(() => {});
  }

  async claimAbandoned(limit: number): Promise<AbandonedAttempt[]> {
    if (!this.#database.isAvailable) return []; // The table may not be there yet.
    const rows = await this.#query(this.#statements.claimAbandoned, [this.#maxAttemptMs, limit]);
    return rows.map((row) => ({
      productID: row.product_id,
      orderID: row.order_id,
      paymentKey: row.payment_key,
      callerKey: row.caller_key ?? undefined,
      requestId: row.request_id,
    }));
  }

  /**
   * Puts the attempt on record again: an order may be reported as failed only if another process would void it,
   * should this one die.
   */
  async #reopen({ paymentKey, productID, orderID, requestId }: Order): Promise<void> {
    const values = [paymentKey, productID, orderID, requestId, this.#maxAttemptMs];
    await this.#query(this.#statements.reopen, values).catch(() => {
      throw new OrderFailed('outcome-unknown', RECORD);
    });
  }

  /** Resolves with the rows of a statement that must be done: it is never refused. */
  async #query(text: string, values: unknown[]): Promise<Row[]> {
    const options = { uncancelable: true, refusable: false };
    const { pool } = this.#database;
    return (await this.#run(pool.query<Row>(text, values, undefined, options))).rows;
  }

  async #run<Result>(result: Promise<Result>, scope?: Scope): Promise<Result> {
    try {
      return await result;
    } catch (error) {
      if (scope && isCancellation(error)) throw fromCancellation(error, scope, RECORD);
      if (!isHttpError(error)) throw error;
      // Only `begin` has a scope here. An attempt that was surely not recorded may be repeated at once.
      const hasNotBegun = scope !== undefined && error.mayBeDone === false;
      throw hasNotBegun
        ? new OrderFailed('unavailable', RECORD, { detail: error.code })
        : failed(error);
    }
  }
}

/** A batch per statement. Only the beginning of an order may be refused. */
function batches(pool: Database['pool'], writes: ReturnType<typeof attemptStatements>['writes']) {
  const batch = (text: string, { keyColumn = 'payment_key', refusable = false } = {}) =>
    pool.batch<Row>(text, { keyColumn, refusable });
  return {
    begin: batch(writes.begin, { refusable: true }),
    find: batch(writes.find, { keyColumn: 'caller_key', refusable: true }),
    succeed: batch(writes.succeed),
    succeedAndForget: batch(writes.succeedAndForget),
    fail: batch(writes.fail),
    findStatus: batch(writes.findStatus),
    close: batch(writes.close),
    forget: batch(writes.forget),
  };
}

/** What a database error means for the order: an OrderFailed, or `error` itself if it is a bug of ours. */
function failed(error: unknown): unknown {
  if (!isHttpError(error)) return error;
  return new OrderFailed('unreachable', RECORD, { detail: error.code });
}
