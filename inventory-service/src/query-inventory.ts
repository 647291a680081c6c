import type { Database } from '@orders/chassis';
import type { CheckInventory } from './check-inventory.ts';

export const SCHEMA = `
  create table if not exists products (id text primary key);
  insert into products (id) values ('1234') on conflict do nothing;`;

/** A product that is not known is available too, as in memory. */
export const CHECK = `
  select products.id from (select pg_sleep($2)) as work left join products on products.id = $1`;

/** The way of a query to the server, and of its answer to the caller. */
const TRAVEL_MS = 10;

/**
 * In PostgreSQL: a query of `durationMs`, which stops there as soon as its scope aborts, and is not begun
 * if its answer would come too late.
 */
export function queryInventory(pool: Database['pool'], durationMs: number): CheckInventory {
  const expectedMs = durationMs + TRAVEL_MS;
  return async (productID, scope) => {
    await pool.query(CHECK, [productID, durationMs / 1_000], scope, { expectedMs });
  };
}
