import type { Table } from '@orders/chassis';
import { MAX_LISTED, type Payment } from './ledger.ts';

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

export interface Row {
  payment_key: string;
  caller_key: string | null;
  order_id: string;
  status: Payment['status'];
  updated_at: Date;
}
