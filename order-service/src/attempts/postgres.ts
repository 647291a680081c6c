import type { Database } from '@orders/chassis';
import { isHttpError } from 'http-errors';
import { isCancellation, type Scope } from 'request-scope';
import type { Order } from '../order.ts';
import { CallFailed } from '../order-failed.ts';
import type { Attempts, Beginning } from './attempts.ts';
import { attemptStatements, type Row } from './table.ts';

/** A statement is not sent if its scope has less than this left, whether or not it has aborted. */
const EXPECTED_MS = 1;

const TARGET = { work: 'Order', step: 'Order record', service: 'database' };

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
      if (isCancellation(error)) throw CallFailed.from(error, scope, TARGET);
      // Then the record says that it is in flight, and whoever finds it so takes it back.
      if (isHttpError(error) && error.mayBeDone === false) throw failed(error);
      // Whoever asks again is told what the record says; nobody is to say anything else before.
      if (isNamed) throw new CallFailed('outcome-unknown', TARGET);
      await this.#reopen(order);
      throw failed(error);
    });
    if (rows.length === 0) throw new CallFailed('deadline-exceeded', TARGET);
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
      throw new CallFailed('outcome-unknown', TARGET);
    });
  }

  async #run(text: string, values: unknown[], scope?: Scope): Promise<Row[]> {
    try {
      return await this.#query(text, values, scope);
    } catch (error) {
      if (scope && isCancellation(error)) throw CallFailed.from(error, scope, TARGET);
      if (!isHttpError(error)) throw error;
      // With a scope it is the beginning: an order that is surely none may be tried again at once.
      const isNothing = scope !== undefined && error.mayBeDone === false;
      throw isNothing
        ? new CallFailed('unavailable', TARGET, { detail: error.code })
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
  return new CallFailed('unreachable', TARGET, { detail: error.code });
}
