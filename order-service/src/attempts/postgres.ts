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
 * here, a read of `products` in inventory-service, and `begin` and `settle` in payment-service.
 */
export function attemptStatements(schema: string) {
  const attempts = `"${schema}".attempts`;
  return {
    begin: `
  insert into ${attempts} (payment_key, caller_key, product_id, order_id, request_id, expires_at)
  values ($1, $2, $3, $4, $5, ${AFTER('$6')}) on conflict (caller_key) do nothing returning payment_key`,

    find: `select product_id, order_id, status from ${attempts} where caller_key = $1`,

    succeed: `
  update ${attempts} set status = 'processed', is_open = false
  where payment_key = $1 and status = 'in-flight' returning payment_key`,

    /** For an attempt without a caller's key: nobody can ask for it again. */
    succeedAndForget: `
  delete from ${attempts} where payment_key = $1 and status = 'in-flight' returning payment_key`,

    /** After `succeedAndForget` with an unknown outcome: the attempt is on record again, failed and open. */
    reopen: `
  insert into ${attempts} (payment_key, product_id, order_id, request_id, expires_at, status)
  values ($1, $2, $3, $4, ${AFTER('$5')}, 'failed')
  on conflict (payment_key) do update set status = 'failed', expires_at = excluded.expires_at`,

    fail: `
  update ${attempts} set status = 'failed' where payment_key = $1 and status <> 'processed'
  returning payment_key`,

    findStatus: `select status from ${attempts} where payment_key = $1`,

    close: `
  update ${attempts} set status = 'failed', is_open = false
  where payment_key = $1 and status <> 'processed'`,

    forget: `delete from ${attempts} where payment_key = $1`,

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

/** A statement is not sent if its scope has less time left than this. */
const EXPECTED_MS = 1;

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
  readonly #maxAttemptMs: number;

  /** `maxAttemptMs`: the longest that an attempt can take. Until then no other replica claims it. */
  constructor(database: AttemptsDatabase, maxAttemptMs: number) {
    this.#database = database;
    this.#statements = attemptStatements(database.schema);
    this.#maxAttemptMs = maxAttemptMs;
  }

  async begin(order: Order, scope: Scope): Promise<BeginResult> {
    const { productID, orderID, paymentKey, requestId, callerKey } = order;
    const values = [paymentKey, callerKey, productID, orderID, requestId, this.#maxAttemptMs];
    const begun = await this.#run(this.#statements.begin, values, scope);
    if (begun.length > 0) return 'begun';
    const [known] = await this.#run(this.#statements.find, [callerKey], scope);
    if (known?.product_id !== productID || known.order_id !== orderID) return 'other-order';
    return known.status;
  }

  async succeed(order: Order, scope: Scope): Promise<void> {
    const hasCallerKey = order.callerKey !== undefined;
    const { succeed, succeedAndForget } = this.#statements;
    const text = hasCallerKey ? succeed : succeedAndForget;
    const succeeded = this.#query(text, [order.paymentKey], scope, { refusable: false });
    const rows = await succeeded.catch(async (error) => {
      // The statement was not sent.
      if (isCancellation(error)) throw fromCancellation(error, scope, RECORD);
      // The record still says in flight: the order failed, and is undone.
      if (isHttpError(error) && error.mayBeDone === false) throw failed(error);
      // The caller can ask again and gets what the record says, so nothing may contradict it before.
      if (hasCallerKey) throw new OrderFailed('outcome-unknown', RECORD);
      await this.#reopen(order);
      throw failed(error);
    });
    if (rows.length === 0) throw new OrderFailed('deadline-exceeded', RECORD);
  }

  async fail({ paymentKey, callerKey }: Order): Promise<boolean> {
    if (callerKey === undefined) return true; // Nobody can ask for it: it needs no record.
    if ((await this.#run(this.#statements.fail, [paymentKey])).length > 0) return true;
    // A record that its server has lost does not say that the order was processed.
    const [known] = await this.#run(this.#statements.findStatus, [paymentKey]);
    return known?.status !== 'processed';
  }

  async close({ paymentKey, callerKey }: Order): Promise<void> {
    const text = callerKey === undefined ? this.#statements.forget : this.#statements.close;
    await this.#run(text, [paymentKey]).catch(() => {});
  }

  async claimAbandoned(limit: number): Promise<AbandonedAttempt[]> {
    if (!this.#database.isAvailable) return []; // The table may not be there yet.
    const rows = await this.#run(this.#statements.claimAbandoned, [this.#maxAttemptMs, limit]);
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
    await this.#run(this.#statements.reopen, values).catch(() => {
      throw new OrderFailed('outcome-unknown', RECORD);
    });
  }

  async #run(text: string, values: unknown[], scope?: Scope): Promise<Row[]> {
    try {
      return await this.#query(text, values, scope);
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

  /** A statement without a scope must be done: it is never refused, however many wait for a connection. */
  async #query(
    text: string,
    values: unknown[],
    scope?: Scope,
    { refusable = scope !== undefined } = {},
  ): Promise<Row[]> {
    const options = { uncancelable: true, expectedMs: EXPECTED_MS, refusable };
    return (await this.#database.pool.query<Row>(text, values, scope, options)).rows;
  }
}

/** What a database error means for the order: an OrderFailed, or `error` itself if it is a bug of ours. */
function failed(error: unknown): unknown {
  if (!isHttpError(error)) return error;
  return new OrderFailed('unreachable', RECORD, { detail: error.code });
}
