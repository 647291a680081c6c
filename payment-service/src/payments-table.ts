import { MAX_LISTED, type Payment } from './ledger.ts';

/** The table of the payments, which the service makes itself. */
export const SCHEMA = `
  create table if not exists payments (
    key text primary key, order_id text not null, status text not null,
    updated_at timestamptz not null default clock_timestamp());
  -- "create index if not exists" would look only with the table's lock, for which all writes then wait.
  if not exists (select from pg_indexes where schemaname = current_schema and indexname = 'payments_of_order') then
    create index payments_of_order on payments (order_id, updated_at);
  end if;`;

/** On which each void of a payment that has begun is told to the replica that may be at work on it. */
export const VOIDED_CHANNEL = 'payments_voided';

export const BEGIN = `
  insert into payments (key, order_id, status) values ($1, $2, 'pending')
  on conflict (key) do update set status = 'pending', updated_at = clock_timestamp()
  where payments.status = 'canceled' and payments.order_id = excluded.order_id returning key`;

export const SETTLE = `
  update payments set status = $2, updated_at = clock_timestamp()
  where key = $1 and status = 'pending' returning key`;

export const VOID = `
  with voided as (
    insert into payments (key, order_id, status) values ($1, $2, 'voided')
    on conflict (key) do update set status = 'voided', updated_at = clock_timestamp()
    where payments.order_id = excluded.order_id and payments.status <> 'voided'
    returning key, xmax <> 0 as has_begun)
  select case when has_begun then pg_notify('${VOIDED_CHANNEL}', key) end from voided`;

export const FIND = 'select order_id, status from payments where key = $1';

export const LIST = `
  select key, order_id, status, updated_at from payments
  where order_id = $1 order by updated_at desc limit ${MAX_LISTED}`;

export interface Row {
  key: string;
  order_id: string;
  status: Payment['status'];
  updated_at: Date;
}
