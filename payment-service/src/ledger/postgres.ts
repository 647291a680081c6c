import type { Database, Logger, Table } from '@orders/chassis';
import { isHttpError } from 'http-errors';
import { isCancellation, type Scope } from 'request-scope';
import {
  type Beginning,
  type Ledger,
  MAX_LISTED,
  OutcomeUnknown,
  type Payment,
  PaymentVoided,
  type Voiding,
} from './ledger.ts';

/** The payments. */
export const PAYMENTS: Table = {
  name: 'payments',
  privileges: ['select', 'insert', 'update'],
  columns: [
    'payment_key text not null',
    'order_id text not null',
    'status text not null',
    'updated_at timestamp with time zone not null',
    'caller_key text',
  ],
  migrations: [
    (table) => [
      `create table ${table} (
    key text primary key, order_id text not null, status text not null,
    updated_at timestamptz not null default clock_timestamp())`,
      `create index payments_of_order on ${table} (order_id, updated_at)`,
    ],
    // An index that sorts by the C library's rules no longer finds its keys where another version has others.
    (table) => [
      `alter table ${table} rename key to payment_key`,
      `alter table ${table}
    alter payment_key type text collate "C", alter order_id type text collate "C",
    alter status type text collate "C", add caller_key text collate "C"`,
      `create index settled_payments on ${table} (updated_at) where status <> 'pending'`,
    ],
  ],
  unversioned: {
    columns: [
      'key text not null',
      'order_id text not null',
      'status text not null',
      'updated_at timestamp with time zone not null',
    ],
    // Its statements ask for xmax.
    view: 'payment_key as key, order_id, status, updated_at, xmax',
  },
};

/** On which each void of a payment that has begun is told to the replica that may be at work on it. */
export function voidedChannel(schema: string): string {
  return `${schema}.payments_voided`;
}

/** The statements on the payments in `schema`. */
export function paymentStatements(schema: string) {
  const payments = `"${schema}".payments`;
  return {
    begin: `
  insert into ${payments} (payment_key, order_id, caller_key, status) values ($1, $2, $3, 'pending')
  on conflict (payment_key) do update set status = 'pending', updated_at = clock_timestamp()
  where payments.status = 'canceled' and payments.order_id = excluded.order_id returning payment_key`,

    settle: `
  update ${payments} set status = $2, updated_at = clock_timestamp()
  where payment_key = $1 and status = 'pending' returning payment_key`,

    void: `
  insert into ${payments} (payment_key, order_id, caller_key, status) values ($1, $2, $3, 'voided')
  on conflict (payment_key) do update set status = 'voided', updated_at = clock_timestamp()
  where payments.order_id = excluded.order_id and payments.status <> 'voided'
  returning xmax <> 0 as has_begun`,

    /** Apart from the void: it may fail. */
    tellVoided: `select pg_notify('${voidedChannel(schema)}', $1)`,

    find: `select order_id, status from ${payments} where payment_key = $1`,

    list: `
  select payment_key, caller_key, order_id, status, updated_at from ${payments}
  where order_id = $1 order by updated_at desc limit ${MAX_LISTED}`,
  };
}

interface Row {
  payment_key: string;
  caller_key: string | null;
  order_id: string;
  status: Payment['status'];
  updated_at: Date;
}

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
