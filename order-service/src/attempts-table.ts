import type { Beginning } from './attempts.ts';

/** The table of the attempts, which the service makes itself. */
export const SCHEMA = `
  create table if not exists attempts (
    payment_key text primary key, caller_key text unique, product_id text not null,
    order_id text not null, request_id text not null, status text not null default 'in-flight',
    is_open boolean not null default true, expires_at timestamptz not null);
  -- "create index if not exists" would look only with the table's lock, for which all writes then wait.
  if not exists (select from pg_indexes where schemaname = current_schema and indexname = 'open_attempts') then
    create index open_attempts on attempts (expires_at) where is_open;
  end if;`;

/** So many milliseconds from now, by the database's clock. */
const AFTER = (ms: string) => `clock_timestamp() + ${ms}::float8 * interval '1 ms'`;

export const BEGIN = `
  insert into attempts (payment_key, caller_key, product_id, order_id, request_id, expires_at)
  values ($1, $2, $3, $4, $5, ${AFTER('$6')}) on conflict (caller_key) do nothing returning payment_key`;

export const FIND = 'select product_id, order_id, status from attempts where caller_key = $1';

export const SUCCEED = `
  update attempts set status = 'processed', is_open = false
  where payment_key = $1 and status = 'in-flight' returning payment_key`;

/** Nobody can ask again for one without a caller's key. */
export const SUCCEED_AND_FORGET = `
  delete from attempts where payment_key = $1 and status = 'in-flight' returning payment_key`;

/** Where nobody heard whether it was forgotten: it is on record again, and open. */
export const REOPEN = `
  insert into attempts (payment_key, product_id, order_id, request_id, expires_at, status)
  values ($1, $2, $3, $4, ${AFTER('$5')}, 'failed')
  on conflict (payment_key) do update set status = 'failed', expires_at = excluded.expires_at`;

export const FAIL = `
  update attempts set status = 'failed' where payment_key = $1 and status <> 'processed'
  returning payment_key`;

export const FIND_STATUS = 'select status from attempts where payment_key = $1';

export const STRIKE_OUT = `
  update attempts set status = 'failed', is_open = false
  where payment_key = $1 and status <> 'processed'`;

export const FORGET = 'delete from attempts where payment_key = $1';

export const TAKE_ORPHANS = `
  update attempts set status = 'failed', expires_at = ${AFTER('$1')} where payment_key in (
    select payment_key from attempts where is_open and expires_at < now()
    order by expires_at limit $2 for update skip locked)
  returning payment_key, caller_key, product_id, order_id, request_id`;

/** An attempt as it is on record. */
export interface Row {
  payment_key: string;
  caller_key: string | null;
  product_id: string;
  order_id: string;
  request_id: string;
  status: Exclude<Beginning, 'begun' | 'other-order' | 'full'>;
}
