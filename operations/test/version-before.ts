/** The statements of the version before tables had versions: those of each start, and those of each request. */
export const VERSION_BEFORE = {
  attempts: `
  create table if not exists attempts (
    payment_key text primary key, caller_key text unique, product_id text not null,
    order_id text not null, request_id text not null, status text not null default 'in-flight',
    is_open boolean not null default true, expires_at timestamptz not null);
  create index open_attempts on attempts (expires_at) where is_open;`,
  payments: `
  create table if not exists payments (
    key text primary key, order_id text not null, status text not null,
    updated_at timestamptz not null default clock_timestamp());
  create index payments_of_order on payments (order_id, updated_at);`,
  products: `
  create table if not exists products (id text primary key);
  insert into products (id) values ('1234') on conflict do nothing;`,
  beginAttempt: `
  insert into attempts (payment_key, caller_key, product_id, order_id, request_id, expires_at)
  values ($1, $2, $3, $4, $5, clock_timestamp() + $6::float8 * interval '1 ms')
  on conflict (caller_key) do nothing returning payment_key`,
  findAttempt: 'select product_id, order_id, status from attempts where caller_key = $1',
  succeed: `
  update attempts set status = 'processed', is_open = false
  where payment_key = $1 and status = 'in-flight' returning payment_key`,
  claimAbandoned: `
  update attempts set status = 'failed', expires_at = clock_timestamp() + $1::float8 * interval '1 ms'
  where payment_key in (
    select payment_key from attempts where is_open and expires_at < now()
    order by expires_at limit $2 for update skip locked)
  returning payment_key, caller_key, product_id, order_id, request_id`,
  beginPayment: `
  insert into payments (key, order_id, status) values ($1, $2, 'pending')
  on conflict (key) do update set status = 'pending', updated_at = clock_timestamp()
  where payments.status = 'canceled' and payments.order_id = excluded.order_id returning key`,
  settle: `
  update payments set status = $2, updated_at = clock_timestamp()
  where key = $1 and status = 'pending' returning key`,
  void: `
  with voided as (
    insert into payments (key, order_id, status) values ($1, $2, 'voided')
    on conflict (key) do update set status = 'voided', updated_at = clock_timestamp()
    where payments.order_id = excluded.order_id and payments.status <> 'voided'
    returning key, xmax <> 0 as has_begun)
  select case when has_begun then pg_notify('payments_voided', key) end from voided`,
  list: `
  select key, order_id, status, updated_at from payments
  where order_id = $1 order by updated_at desc limit 1000`,
  check: `
  select products.id from (select pg_sleep($2)) as work left join products on products.id = $1`,
};
