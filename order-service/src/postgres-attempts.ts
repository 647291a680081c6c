import type { Database } from '@orders/chassis';
import { isHttpError } from 'http-errors';
import { Scope } from '#request-scope';
import type { Attempts, Beginning } from './attempts.ts';
import { CallFailed } from './http/call-failed.ts';
import type { Order } from './order.ts';

export const SCHEMA = `
  create table if not exists attempts (
    payment_key text primary key, caller_key text unique, product_id text not null,
    order_id text not null, request_id text not null, status text not null default 'in-flight',
    is_open boolean not null default true, expires_at timestamptz not null);
  create index if not exists open_attempts on attempts (expires_at) where is_open;`;

/** So many milliseconds from now, by the database's clock. */
const AFTER = (ms: string) => `clock_timestamp() + ${ms}::float8 * interval '1 ms'`;

const BEGIN = `
  insert into attempts (payment_key, caller_key, product_id, order_id, request_id, expires_at)
  values ($1, $2, $3, $4, $5, ${AFTER('$6')}) on conflict (caller_key) do nothing returning payment_key`;

const FIND = 'select product_id, order_id, status from attempts where caller_key = $1';

export const SUCCEED = `
  update attempts set status = 'processed', is_open = false
  where payment_key = $1 and status = 'in-flight' returning payment_key`;

/** Nobody can ask again for one without a caller's key. */
const SUCCEED_AND_FORGET = `
  delete from attempts where payment_key = $1 and status = 'in-flight' returning payment_key`;

/** Where nobody heard whether it was forgotten: it is on record again, and open. */
const REOPEN = `
  insert into attempts (payment_key, product_id, order_id, request_id, expires_at, status)
  values ($1, $2, $3, $4, ${AFTER('$5')}, 'failed')
  on conflict (payment_key) do update set status = 'failed', expires_at = excluded.expires_at`;

const FAIL = `
  update attempts set status = 'failed' where payment_key = $1 and status <> 'processed'
  returning payment_key`;

const STRIKE_OUT = `
  update attempts set status = 'failed', is_open = false
  where payment_key = $1 and status <> 'processed'`;

const FORGET = 'delete from attempts where payment_key = $1';

const TAKE_ORPHANS = `
  update attempts set status = 'failed', expires_at = ${AFTER('$1')} where payment_key in (
    select payment_key from attempts where is_open and expires_at < clock_timestamp()
    order by expires_at limit $2 for update skip locked)
  returning payment_key, caller_key, product_id, order_id, request_id`;

const TARGET = { work: 'Order', step: 'Order record', service: 'database' };

/** An attempt as it is on record. */
export interface Row {
  payment_key: string;
  caller_key: string | null;
  product_id: string;
  order_id: string;
  request_id: string;
  status: Exclude<Beginning, 'begun' | 'other-order' | 'full'>;
}

/** What it takes to void an attempt that another process has left behind. */
export type Orphan = Omit<Order, 'log'>;

/**
 * In PostgreSQL, for any number of replicas. An attempt is open until its verdict is written, or it is
 * struck out; one that stays open for longer than an attempt can last is an orphan.
 */
export class PostgresAttempts implements Attempts {
  readonly #pool: Database['pool'];
  readonly #lastsMs: number;

  /** `lastsMs`: how long an attempt can last, in which nobody else takes it. */
  constructor(pool: Database['pool'], lastsMs: number) {
    this.#pool = pool;
    this.#lastsMs = lastsMs;
  }

  async begin(order: Order, scope: Scope): Promise<Beginning> {
    const { productID, orderID, idempotencyKey, requestId, callerKey } = order;
    const values = [idempotencyKey, callerKey, productID, orderID, requestId, this.#lastsMs];
    const begun = await this.#run(BEGIN, values, scope);
    if (begun.length > 0) return 'begun';
    const [known] = await this.#run(FIND, [callerKey], scope);
    if (known?.product_id !== productID || known.order_id !== orderID) return 'other-order';
    return known.status;
  }

  async succeed(order: Order): Promise<void> {
    const isNamed = order.callerKey !== undefined;
    const succeeded = this.#run(isNamed ? SUCCEED : SUCCEED_AND_FORGET, [order.idempotencyKey]);
    const rows = await succeeded.catch(async (error) => {
      // Whoever asks again is told what the record says; nobody is to say anything else before.
      if (isNamed) throw new CallFailed('outcome-unknown', TARGET);
      await this.#reopen(order);
      throw error;
    });
    if (rows.length === 0) throw new CallFailed('deadline-exceeded', TARGET);
  }

  async fail({ idempotencyKey, callerKey }: Order): Promise<boolean> {
    if (callerKey === undefined) return true;
    return (await this.#run(FAIL, [idempotencyKey])).length > 0;
  }

  /** One that cannot be struck out now is an orphan later, and voided once more. */
  async strikeOut({ idempotencyKey, callerKey }: Order): Promise<void> {
    const text = callerKey === undefined ? FORGET : STRIKE_OUT;
    await this.#run(text, [idempotencyKey]).catch(() => {});
  }

  /** At most `limit` of those that are open still. No other replica gets the same for as long again. */
  async takeOrphans(limit: number): Promise<Orphan[]> {
    const rows = await this.#run(TAKE_ORPHANS, [this.#lastsMs, limit]);
    return rows.map((row) => ({
      productID: row.product_id,
      orderID: row.order_id,
      idempotencyKey: row.payment_key,
      callerKey: row.caller_key ?? undefined,
      requestId: row.request_id,
    }));
  }

  /** It can be called failed only if another process would void it too, should this one die. */
  async #reopen({ idempotencyKey, productID, orderID, requestId }: Order): Promise<void> {
    const values = [idempotencyKey, productID, orderID, requestId, this.#lastsMs];
    await this.#run(REOPEN, values).catch(() => {
      throw new CallFailed('outcome-unknown', TARGET);
    });
  }

  async #run(text: string, values: unknown[], scope = new Scope()): Promise<Row[]> {
    try {
      return (await this.#pool.query<Row>(text, values, scope, { toItsEnd: true })).rows;
    } catch (error) {
      if (isHttpError(error)) throw new CallFailed('unreachable', TARGET, { detail: error.code });
      throw CallFailed.from(error, scope, TARGET);
    }
  }
}
