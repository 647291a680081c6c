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

/**
 * The statements on the table in `schema`. Those under `writes` take an array per value, and do for each row
 * what a statement of its own would do.
 */
export function paymentStatements(schema: string) {
  const payments = `"${schema}".payments`;
  const given = `
  from unnest($1::text[], $2::text[], $3::text[]) as given (payment_key, order_id, caller_key)
  order by payment_key on conflict (payment_key)`;
  const settle = (status: string) => `
  update ${payments} set status = '${status}', updated_at = clock_timestamp()
  where payment_key = any($1::text[]) and status = 'pending' returning payment_key`;
  return {
    writes: {
      begin: `
  insert into ${payments} (payment_key, order_id, caller_key, status)
  select payment_key, order_id, caller_key, 'pending' ${given}
  do update set status = 'pending', updated_at = clock_timestamp()
  where payments.status = 'canceled' and payments.order_id = excluded.order_id returning payment_key`,

      /** The point of no return. */
      commit: settle('processed'),

      /** Frees the key. */
      cancel: settle('canceled'),

      void: `
  insert into ${payments} (payment_key, order_id, caller_key, status)
  select payment_key, order_id, caller_key, 'voided' ${given}
  do update set status = 'voided', updated_at = clock_timestamp()
  where payments.order_id = excluded.order_id and payments.status <> 'voided'
  returning payment_key, xmax <> 0 as has_begun`,

      /** Its own statement: the void must stand even if this one fails. */
      notifyVoided: `
  select payment_key, pg_notify('${voidedChannel(schema)}', payment_key)
  from unnest($1::text[]) as given (payment_key)`,

      find: `
  select payment_key, order_id, status from ${payments} where payment_key = any($1::text[])`,
    },

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
  readonly #writes: ReturnType<typeof batches>;
  readonly #list: string;
  readonly #logger: Pick<Logger, 'warn'>;
  /** The `onVoid` of each payment that this replica is processing. */
  readonly #onVoid = new Map<string, () => void>();

  constructor({ pool, schema }: Pick<Database, 'pool' | 'schema'>, logger: Pick<Logger, 'warn'>) {
    this.#pool = pool;
    const { writes, list } = paymentStatements(schema);
    this.#writes = batches(pool, writes);
    this.#list = list;
    this.#logger = logger;
  }

  async begin(
    key: string,
    orderID: string,
    { scope, onVoid, callerKey }: BeginOptions,
  ): Promise<BeginResult> {
    const { begin, find } = this.#writes;
    for (;;) {
      if (await begin.write([key, orderID, callerKey], scope)) {
        this.#onVoid.set(key, onVoid);
        return 'begun';
      }
      const known = await find.write([key], scope);
      if (known && known.order_id !== orderID) return 'other-order';
      if (known?.status === 'pending') return 'in-flight';
      if (known?.status === 'processed' || known?.status === 'voided') return known.status;
      // It was canceled between the two statements: try to begin again.
    }
  }

  async commit(key: string, scope: ScopeView): Promise<boolean> {
    try {
      return (await this.#writes.commit.write([key], scope)) !== undefined;
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
    await this.#writes.cancel.write([key]).catch(() => {});
  }

  async void(key: string, orderID: string, { scope, callerKey }: VoidOptions): Promise<VoidResult> {
    const voided = await this.#writes.void.write([key, orderID, callerKey], scope);
    if (voided) {
      this.stopWork(key);
      if (voided.has_begun) this.#notifyVoided(key);
      return 'voided';
    }
    const known = await this.#writes.find.write([key], scope);
    return known?.order_id === orderID ? 'already-voided' : 'other-order';
  }

  async payments(orderID: string, scope: ScopeView): Promise<Payment[]> {
    const { rows } = await this.#pool.query<Row>(this.#list, [orderID], scope);
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
    this.#writes.notifyVoided.write([key]).catch(({ code, message }) => {
      this.#logger.warn({ paymentKey: key, cause: code }, `Void not notified: ${message}`);
    });
  }
}

/** A batch per statement. What has begun must be settled: it is not refused. */
function batches(pool: Database['pool'], writes: ReturnType<typeof paymentStatements>['writes']) {
  const keyColumn = 'payment_key';
  const refusable = { keyColumn, refusable: true };
  const needed = { keyColumn, refusable: false };
  return {
    begin: pool.batch<Row>(writes.begin, refusable),
    commit: pool.batch<Row>(writes.commit, needed),
    cancel: pool.batch<Row>(writes.cancel, needed),
    void: pool.batch<Row & { has_begun: boolean }>(writes.void, refusable),
    notifyVoided: pool.batch<Row>(writes.notifyVoided, refusable),
    find: pool.batch<Row>(writes.find, refusable),
  };
}

/** Whether the pool knows that the statement was not executed. */
function wasNotDone(error: unknown): boolean {
  return isHttpError(error) && error.mayBeDone === false;
}
