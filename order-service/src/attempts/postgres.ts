import type { Database, Table } from '@orders/chassis';
import { isHttpError } from 'http-errors';
import { isCancellation, type Scope } from 'request-scope';
import type { Order } from '../order.ts';
import { fromCancellation, type NamedStep, OrderFailed } from '../order-failed.ts';
import type { Attempts, Beginning } from './attempts.ts';

/** The attempts. */
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
    // An index that sorts by the C library's rules no longer finds its keys where another version has others.
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

/** So many milliseconds from now, by the database's clock. */
const AFTER = (ms: string) => `clock_timestamp() + ${ms}::float8 * interval '1 ms'`;

/** The statements on the attempts in `schema`. */
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

    /** Nobody can ask again for one without a caller's key. */
    succeedAndForget: `
  delete from ${attempts} where payment_key = $1 and status = 'in-flight' returning payment_key`,

    /** Where nobody heard whether it was forgotten: it is on record again, and open. */
    reopen: `
  insert into ${attempts} (payment_key, product_id, order_id, request_id, expires_at, status)
  values ($1, $2, $3, $4, ${AFTER('$5')}, 'failed')
  on conflict (payment_key) do update set status = 'failed', expires_at = excluded.expires_at`,

    fail: `
  update ${attempts} set status = 'failed' where payment_key = $1 and status <> 'processed'
  returning payment_key`,

    findStatus: `select status from ${attempts} where payment_key = $1`,

    strikeOut: `
  update ${attempts} set status = 'failed', is_open = false
  where payment_key = $1 and status <> 'processed'`,

    forget: `delete from ${attempts} where payment_key = $1`,

    takeOrphans: `
  update ${attempts} set status = 'failed', expires_at = ${AFTER('$1')} where payment_key in (
    select payment_key from ${attempts} where is_open and expires_at < now()
    order by expires_at limit $2 for update skip locked)
  returning payment_key, caller_key, product_id, order_id, request_id`,
  };
}

/** An attempt as it is on record. */
export interface Row {
  payment_key: string;
  caller_key: string | null;
  product_id: string;
  order_id: string;
  request_id: string;
  status: Exclude<Beginning, 'begun' | 'other-order' | 'full'>;
}

/** A statement is not sent if its scope has less than this left, whether or not it has aborted. */
const EXPECTED_MS = 1;

const RECORD: NamedStep = { step: 'Order record', service: 'database' };

/** What it takes to void an attempt that another process has left behind. */
export type Orphan = Omit<Order, 'log'>;

/**
 * In PostgreSQL, for any number of replicas. An attempt is open until its verdict is written, or it is
 * struck out; one that stays open for longer than an attempt can last is an orphan.
 */
export class PostgresAttempts implements Attempts {
  readonly #pool: Database['pool'];
  readonly #statements: ReturnType<typeof attemptStatements>;
  readonly #lastsMs: number;

  /** `lastsMs`: how long an attempt can last, in which nobody else takes it. */
  constructor({ pool, schema }: Pick<Database, 'pool' | 'schema'>, lastsMs: number) {
    this.#pool = pool;
    this.#statements = attemptStatements(schema);
    this.#lastsMs = lastsMs;
  }

  async begin(order: Order, scope: Scope): Promise<Beginning> {
    const { productID, orderID, paymentKey, requestId, callerKey } = order;
    const values = [paymentKey, callerKey, productID, orderID, requestId, this.#lastsMs];
    const begun = await this.#run(this.#statements.begin, values, scope);
    if (begun.length > 0) return 'begun';
    const [known] = await this.#run(this.#statements.find, [callerKey], scope);
    if (known?.product_id !== productID || known.order_id !== orderID) return 'other-order';
    return known.status;
  }

  async succeed(order: Order, scope: Scope): Promise<void> {
    const isNamed = order.callerKey !== undefined;
    const { succeed, succeedAndForget } = this.#statements;
    const text = isNamed ? succeed : succeedAndForget;
    const succeeded = this.#query(text, [order.paymentKey], scope, { mayBeRefused: false });
    const rows = await succeeded.catch(async (error) => {
      // Canceled before it was sent: the record says nothing yet.
      if (isCancellation(error)) throw fromCancellation(error, scope, RECORD);
      // Then the record says that it is in flight, and whoever finds it so takes it back.
      if (isHttpError(error) && error.mayBeDone === false) throw failed(error);
      // Whoever asks again is told what the record says; nobody is to say anything else before.
      if (isNamed) throw new OrderFailed('outcome-unknown', RECORD);
      await this.#reopen(order);
      throw failed(error);
    });
    if (rows.length === 0) throw new OrderFailed('deadline-exceeded', RECORD);
  }

  async fail({ paymentKey, callerKey }: Order): Promise<boolean> {
    if (callerKey === undefined) return true;
    if ((await this.#run(this.#statements.fail, [paymentKey])).length > 0) return true;
    // One whose record was lost with its server is not known to be processed.
    const [known] = await this.#run(this.#statements.findStatus, [paymentKey]);
    return known?.status !== 'processed';
  }

  /** One that cannot be struck out now is an orphan later, and voided once more. */
  async strikeOut({ paymentKey, callerKey }: Order): Promise<void> {
    const text = callerKey === undefined ? this.#statements.forget : this.#statements.strikeOut;
    await this.#run(text, [paymentKey]).catch(() => {});
  }

  /** At most `limit` of those that are open still. No other replica gets the same for as long again. */
  async takeOrphans(limit: number): Promise<Orphan[]> {
    const rows = await this.#run(this.#statements.takeOrphans, [this.#lastsMs, limit]);
    return rows.map((row) => ({
      productID: row.product_id,
      orderID: row.order_id,
      paymentKey: row.payment_key,
      callerKey: row.caller_key ?? undefined,
      requestId: row.request_id,
    }));
  }

  /** It can be called failed only if another process would void it too, should this one die. */
  async #reopen({ paymentKey, productID, orderID, requestId }: Order): Promise<void> {
    const values = [paymentKey, productID, orderID, requestId, this.#lastsMs];
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
      // With a scope it is the beginning: an order that is surely none may be tried again at once.
      const isNothing = scope !== undefined && error.mayBeDone === false;
      throw isNothing
        ? new OrderFailed('unavailable', RECORD, { detail: error.code })
        : failed(error);
    }
  }

  /** Without a scope it is what must be written: nothing refuses it. */
  async #query(
    text: string,
    values: unknown[],
    scope?: Scope,
    { mayBeRefused = scope !== undefined } = {},
  ): Promise<Row[]> {
    const options = { toItsEnd: true, expectedMs: EXPECTED_MS, mayBeRefused };
    return (await this.#pool.query<Row>(text, values, scope, options)).rows;
  }
}

/** What the database's error means for an order; a bug of ours stays what it is. */
function failed(error: unknown): unknown {
  if (!isHttpError(error)) return error;
  return new OrderFailed('unreachable', RECORD, { detail: error.code });
}
