import type { Table } from '@orders/chassis';
import type { Beginning } from './attempts.ts';

/** The attempts. */
export const ATTEMPTS: Table = {
  name: 'attempts',
  privileges: ['select', 'insert', 'update', 'delete'],
  columns: [
    'payment_key text not null',
    'caller_key text',
    'product_id text not null',
    'order_id text not null',
    'request_id text not null',
    'status text not null',
    'is_open boolean not null',
    'expires_at timestamp with time zone not null',
    'begun_at timestamp with time zone not null',
  ],
  migrations: [
    (table) => [
      `create table ${table} (
    payment_key text primary key, caller_key text unique, product_id text not null,
    order_id text not null, request_id text not null, status text not null default 'in-flight',
    is_open boolean not null default true, expires_at timestamptz not null)`,
      `create index open_attempts on ${table} (expires_at) where is_open`,
    ],
    // An index that sorts by the C library's rules no longer finds its keys where another version has others.
    (table) => [
      `alter table ${table}
    alter payment_key type text collate "C", alter caller_key type text collate "C",
    alter product_id type text collate "C", alter order_id type text collate "C",
    alter request_id type text collate "C", alter status type text collate "C",
    add begun_at timestamptz not null default now()`,
      `create index closed_attempts on ${table} (begun_at) where not is_open`,
    ],
  ],
  unversioned: {
    columns: [
      'payment_key text not null',
      'caller_key text',
      'product_id text not null',
      'order_id text not null',
      'request_id text not null',
      'status text not null',
      'is_open boolean not null',
      'expires_at timestamp with time zone not null',
    ],
    view: 'payment_key, caller_key, product_id, order_id, request_id, status, is_open, expires_at',
  },
};

/** So many milliseconds from now, by the database's clock. */
const AFTER = (ms: string) => `clock_timestamp() + ${ms}::float8 * interval '1 ms'`;

/** The statements on the attempts in `schema`. */
export function attemptStatements(schema: string) {
  const attempts = `"${schema}".attempts`;
  return {
    begin: `
  insert into ${attempts} (payment_key, caller_key, product_id, order_id, request_id, expires_at)
  values ($1, $2, $3, $4, $5, ${AFTER('$6')}) on conflict (caller_key) do nothing returning payment_key`,

    find: `select product_id, order_id, status from ${attempts} where caller_key = $1`,

    succeed: `
  update ${attempts} set status = 'processed', is_open = false
  where payment_key = $1 and status = 'in-flight' returning payment_key`,

    /** Nobody can ask again for one without a caller's key. */
    succeedAndForget: `
  delete from ${attempts} where payment_key = $1 and status = 'in-flight' returning payment_key`,

    /** Where nobody heard whether it was forgotten: it is on record again, and open. */
    reopen: `
  insert into ${attempts} (payment_key, product_id, order_id, request_id, expires_at, status)
  values ($1, $2, $3, $4, ${AFTER('$5')}, 'failed')
  on conflict (payment_key) do update set status = 'failed', expires_at = excluded.expires_at`,

    fail: `
  update ${attempts} set status = 'failed' where payment_key = $1 and status <> 'processed'
  returning payment_key`,

    findStatus: `select status from ${attempts} where payment_key = $1`,

    strikeOut: `
  update ${attempts} set status = 'failed', is_open = false
  where payment_key = $1 and status <> 'processed'`,

    forget: `delete from ${attempts} where payment_key = $1`,

    takeOrphans: `
  update ${attempts} set status = 'failed', expires_at = ${AFTER('$1')} where payment_key in (
    select payment_key from ${attempts} where is_open and expires_at < now()
    order by expires_at limit $2 for update skip locked)
  returning payment_key, caller_key, product_id, order_id, request_id`,
  };
}

/** An attempt as it is on record. */
export interface Row {
  payment_key: string;
  caller_key: string | null;
  product_id: string;
  order_id: string;
  request_id: string;
  status: Exclude<Beginning, 'begun' | 'other-order' | 'full'>;
}
