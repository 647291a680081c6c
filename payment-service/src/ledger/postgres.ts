import type { Database, Logger, Table } from '@orders/chassis';
import { isHttpError } from 'http-errors';
import { isCancellation, type ScopeView } from 'request-scope';
import {
  type BeginOptions,
  type BeginResult,
  type Ledger,
  MAX_LISTED,
  OutcomeUnknown,
  type Payment,
  type VoidOptions,
  type VoidResult,
} from './ledger.ts';

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
    // Collation "C", because an index in the C library's order breaks when an upgrade changes that order.
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
    // The statements of the previous version use xmax.
    view: 'payment_key as key, order_id, status, updated_at, xmax',
  },
};

/** The channel on which the replica that processes a payment is notified of its void. */
export function voidedChannel(schema: string): string {
  return `${schema}.payments_voided`;
}

/** The statements on the table in `schema`. */
export function paymentStatements(schema: string) {
  const payments = `"${schema}".payments`;
  return {
    begin: `
  insert into ${payments} (payment_key, order_id, caller_key, status) values ($1, $2, $3, 'pending')
  on conflict (payment_key) do update set status = 'pending', updated_at = clock_timestamp()
  where payments.status = 'canceled' and payments.order_id = excluded.order_id returning payment_key`,

    /** With `processed` this is the commit, the point of no return; with `canceled` it frees the key. */
    settle: `
  update ${payments} set status = $2, updated_at = clock_timestamp()
  where payment_key = $1 and status = 'pending' returning payment_key`,

    void: `
  insert into ${payments} (payment_key, order_id, caller_key, status) values ($1, $2, $3, 'voided')
  on conflict (payment_key) do update set status = 'voided', updated_at = clock_timestamp()
  where payments.order_id = excluded.order_id and payments.status <> 'voided'
  returning xmax <> 0 as has_begun`,

    /** Its own statement: the void must stand even if this one fails. */
    notifyVoided: `select pg_notify('${voidedChannel(schema)}', $1)`,

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

/** A statement is not sent if its scope has less time left than this, even if it has not aborted yet. */
const EXPECTED_MS = 1;

/** The ledger in `database`, which the replicas share. It listens for the voids of the other replicas. */
export function openLedger(database: Database, logger: Pick<Logger, 'warn'>): Ledger {
  const ledger = new PostgresLedger(database, logger);
  database.listen(voidedChannel(database.schema), (key) => ledger.stopWork(key));
  return ledger;
}

/**
 * The ledger in PostgreSQL, for any number of replicas. It forgets no payment. Each step is one short
 * statement: its scope bounds the wait for a connection, and cancels nothing once the statement was sent.
 */
export class PostgresLedger implements Ledger {
  readonly #pool: Database['pool'];
  readonly #statements: ReturnType<typeof paymentStatements>;
  readonly #logger: Pick<Logger, 'warn'>;
  /** The `onVoid` of each payment that this replica is processing. */
  readonly #onVoid = new Map<string, () => void>();

  constructor({ pool, schema }: Pick<Database, 'pool' | 'schema'>, logger: Pick<Logger, 'warn'>) {
    this.#pool = pool;
    this.#statements = paymentStatements(schema);
    this.#logger = logger;
  }

  async begin(
    key: string,
    orderID: string,
    { scope, onVoid, callerKey }: BeginOptions,
  ): Promise<BeginResult> {
    for (;;) {
      if ((await this.#run(this.#statements.begin, [key, orderID, callerKey], scope)).length > 0) {
        this.#onVoid.set(key, onVoid);
        return 'begun';
      }
      const [known] = await this.#run(this.#statements.find, [key], scope);
      if (known && known.order_id !== orderID) return 'other-order';
      if (known?.status === 'pending') return 'in-flight';
      if (known?.status === 'processed' || known?.status === 'voided') return known.status;
      // It was canceled between the two statements: try to begin again.
    }
  }

  async commit(key: string, scope: ScopeView): Promise<boolean> {
    try {
      const options = { uncancelable: true, refusable: false, expectedMs: EXPECTED_MS };
      const { settle } = this.#statements;
      const { rows } = await this.#pool.query(settle, [key, 'processed'], scope, options);
      return rows.length > 0;
    } catch (error) {
      if (isCancellation(error) || wasNotDone(error)) throw error;
      throw new OutcomeUnknown(undefined, { cause: error });
    } finally {
      this.#onVoid.delete(key);
    }
  }

  /** If the database is unavailable the payment stays pending, and only a void ends it. */
  async cancel(key: string): Promise<void> {
    this.#onVoid.delete(key);
    await this.#run(this.#statements.settle, [key, 'canceled']).catch(() => {});
  }

  async void(key: string, orderID: string, { scope, callerKey }: VoidOptions): Promise<VoidResult> {
    const values = [key, orderID, callerKey];
    const [voided] = await this.#run<{ has_begun: boolean }>(this.#statements.void, values, scope);
    if (voided) {
      this.stopWork(key);
      if (voided.has_begun) this.#notifyVoided(key);
      return 'voided';
    }
    const [known] = await this.#run(this.#statements.find, [key], scope);
    return known?.order_id === orderID ? 'already-voided' : 'other-order';
  }

  async payments(orderID: string, scope: ScopeView): Promise<Payment[]> {
    const { rows } = await this.#pool.query<Row>(this.#statements.list, [orderID], scope);
    return rows.reverse().map((row) => ({
      paymentKey: row.payment_key,
      callerKey: row.caller_key ?? undefined,
      orderID: row.order_id,
      status: row.status,
      updatedAt: row.updated_at.toISOString(),
    }));
  }

  /** Calls the `onVoid` of a payment that this replica, or another, has voided. */
  stopWork(key: string): void {
    const onVoid = this.#onVoid.get(key);
    this.#onVoid.delete(key);
    onVoid?.();
  }

  /** Lets another replica stop its work sooner. It may fail, since a voided payment cannot be committed anyway. */
  #notifyVoided(key: string): void {
    const options = { uncancelable: true, refusable: true };
    this.#pool
      .query(this.#statements.notifyVoided, [key], undefined, options)
      .catch(({ code, message }) => {
        this.#logger.warn({ paymentKey: key, cause: code }, `Void not notified: ${message}`);
      });
  }

  async #run<Its extends object = Row>(
    text: string,
    values: unknown[],
    scope?: ScopeView,
  ): Promise<Its[]> {
    const options = { uncancelable: true, expectedMs: EXPECTED_MS };
    return (await this.#pool.query<Its>(text, values, scope, options)).rows;
  }
}

/** Whether the pool knows that the statement was not executed. */
function wasNotDone(error: unknown): boolean {
  return isHttpError(error) && error.mayBeDone === false;
}
