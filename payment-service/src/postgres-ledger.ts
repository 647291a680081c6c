import type { Database } from '@orders/chassis';
import { isCancellation, type Scope } from '#request-scope';
import {
  type Beginning,
  type Ledger,
  OutcomeUnknown,
  type Payment,
  PaymentVoided,
  type Voiding,
} from './ledger.ts';
import { paymentStatements, type Row, voidedChannel } from './payments-table.ts';

/**
 * The ledger in `database`, any number of replicas' one. What is voided in another replica is stopped in
 * this one.
 */
export function openLedger(database: Database): Ledger {
  const ledger = new PostgresLedger(database);
  database.listen(voidedChannel(database.schema), (key) => ledger.stop(key));
  return ledger;
}

/**
 * In PostgreSQL, for any number of replicas; it forgets nothing. Each step is one short statement, which
 * waits for a connection as long as its scope lasts, and is never canceled once it has been sent.
 */
export class PostgresLedger implements Ledger {
  readonly #pool: Database['pool'];
  readonly #statements: ReturnType<typeof paymentStatements>;
  /** The payments that this replica is at work on. */
  readonly #working = new Map<string, Scope>();

  constructor({ pool, schema }: Pick<Database, 'pool' | 'schema'>) {
    this.#pool = pool;
    this.#statements = paymentStatements(schema);
  }

  async begin(key: string, orderID: string, scope: Scope): Promise<Beginning> {
    for (;;) {
      if ((await this.#run(this.#statements.begin, [key, orderID], scope)).length > 0) {
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
      const verdict = { toItsEnd: true, mayBeRefused: false };
      const { rows } = await this.#pool.query(
        this.#statements.settle,
        [key, 'processed'],
        scope,
        verdict,
      );
      return rows.length > 0;
    } catch (error) {
      if (isCancellation(error)) throw error;
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

  async void(key: string, orderID: string, scope: Scope): Promise<Voiding> {
    if ((await this.#run(this.#statements.void, [key, orderID], scope)).length > 0) {
      this.stop(key);
      return 'voided';
    }
    const [known] = await this.#run(this.#statements.find, [key], scope);
    return known?.order_id === orderID ? 'already-voided' : 'other-order';
  }

  async payments(orderID: string, scope: Scope): Promise<Payment[]> {
    const { rows } = await this.#pool.query<Row>(this.#statements.list, [orderID], scope);
    return rows.reverse().map((row) => ({
      idempotencyKey: row.payment_key,
      orderID: row.order_id,
      status: row.status,
      updatedAt: row.updated_at.toISOString(),
    }));
  }

  /** Ends the work on a payment that was voided, in this replica or another. */
  stop(key: string): void {
    this.#working.get(key)?.abort(new PaymentVoided());
  }

  async #run(text: string, values: string[], scope?: Scope): Promise<Row[]> {
    return (await this.#pool.query<Row>(text, values, scope, { toItsEnd: true })).rows;
  }
}
