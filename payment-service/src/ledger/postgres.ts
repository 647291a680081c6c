import type { Database, Logger } from '@orders/chassis';
import { isHttpError } from 'http-errors';
import { isCancellation, type Scope } from 'request-scope';
import {
  type Beginning,
  type Ledger,
  OutcomeUnknown,
  type Payment,
  PaymentVoided,
  type Voiding,
} from './ledger.ts';
import { paymentStatements, type Row, voidedChannel } from './table.ts';

/** A statement is not sent if its scope has less than this left, whether or not it has aborted. */
const EXPECTED_MS = 1;

/**
 * The ledger in `database`, any number of replicas' one. What is voided in another replica is stopped in
 * this one.
 */
export function openLedger(database: Database, logger: Pick<Logger, 'warn'>): Ledger {
  const ledger = new PostgresLedger(database, logger);
  database.listen(voidedChannel(database.schema), (key) => ledger.stop(key));
  return ledger;
}

/** Whether the statement was surely never done. */
function wasNotDone(error: unknown): boolean {
  return isHttpError(error) && error.mayBeDone === false;
}

/**
 * In PostgreSQL, for any number of replicas; it forgets nothing. Each step is one short statement, which
 * waits for a connection as long as its scope lasts, and is never canceled once it has been sent.
 */
export class PostgresLedger implements Ledger {
  readonly #pool: Database['pool'];
  readonly #statements: ReturnType<typeof paymentStatements>;
  readonly #logger: Pick<Logger, 'warn'>;
  /** The payments that this replica is at work on. */
  readonly #working = new Map<string, Scope>();

  constructor({ pool, schema }: Pick<Database, 'pool' | 'schema'>, logger: Pick<Logger, 'warn'>) {
    this.#pool = pool;
    this.#statements = paymentStatements(schema);
    this.#logger = logger;
  }

  async begin(key: string, orderID: string, scope: Scope, callerKey?: string): Promise<Beginning> {
    for (;;) {
      if ((await this.#run(this.#statements.begin, [key, orderID, callerKey], scope)).length > 0) {
        this.#working.set(key, scope);
        return 'begun';
      }
      const [known] = await this.#run(this.#statements.find, [key], scope);
      if (known && known.order_id !== orderID) return 'other-order';
      if (known?.status === 'pending') return 'in-flight';
      // Or else it was canceled between the two: it may begin now.
      if (known?.status === 'processed' || known?.status === 'voided') return known.status;
    }
  }

  async commit(key: string, scope: Scope): Promise<boolean> {
    try {
      const verdict = { toItsEnd: true, mayBeRefused: false, expectedMs: EXPECTED_MS };
      const { settle } = this.#statements;
      const { rows } = await this.#pool.query(settle, [key, 'processed'], scope, verdict);
      return rows.length > 0;
    } catch (error) {
      if (isCancellation(error) || wasNotDone(error)) throw error;
      throw new OutcomeUnknown(undefined, { cause: error });
    } finally {
      this.#working.delete(key);
    }
  }

  /** Where the database is lost the payment stays pending: nothing but a void ends it then. */
  async cancel(key: string): Promise<void> {
    this.#working.delete(key);
    await this.#run(this.#statements.settle, [key, 'canceled']).catch(() => {});
  }

  async void(key: string, orderID: string, scope: Scope, callerKey?: string): Promise<Voiding> {
    const text = this.#statements.void;
    const values = [key, orderID, callerKey];
    const [voided] = await this.#run<{ has_begun: boolean }>(text, values, scope);
    if (voided) {
      this.stop(key);
      if (voided.has_begun) this.#tell(key);
      return 'voided';
    }
    const [known] = await this.#run(this.#statements.find, [key], scope);
    return known?.order_id === orderID ? 'already-voided' : 'other-order';
  }

  async payments(orderID: string, scope: Scope): Promise<Payment[]> {
    const { rows } = await this.#pool.query<Row>(this.#statements.list, [orderID], scope);
    return rows.reverse().map((row) => ({
      paymentKey: row.payment_key,
      callerKey: row.caller_key ?? undefined,
      orderID: row.order_id,
      status: row.status,
      updatedAt: row.updated_at.toISOString(),
    }));
  }

  /** Ends the work on a payment that was voided, in this replica or another. */
  stop(key: string): void {
    this.#working.get(key)?.abort(new PaymentVoided());
  }

  /** Hastens the end of the work, which is not charged anyway: nothing waits for it, or fails with it. */
  #tell(key: string): void {
    const told = { toItsEnd: true, mayBeRefused: true };
    this.#pool
      .query(this.#statements.tellVoided, [key], undefined, told)
      .catch(({ code, message }) => {
        this.#logger.warn({ paymentKey: key, cause: code }, `Void not notified: ${message}`);
      });
  }

  async #run<Its extends object = Row>(
    text: string,
    values: unknown[],
    scope?: Scope,
  ): Promise<Its[]> {
    const options = { toItsEnd: true, expectedMs: EXPECTED_MS };
    return (await this.#pool.query<Its>(text, values, scope, options)).rows;
  }
}
