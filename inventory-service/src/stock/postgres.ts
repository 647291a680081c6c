import type { Database, Table } from '@orders/chassis';
import type { CheckInventory } from './memory.ts';

/** The products. */
export const PRODUCTS: Table = {
  name: 'products',
  privileges: ['select'],
  columns: ['id text not null'],
  migrations: [
    (table) => [
      `create table ${table} (id text primary key)`,
      `insert into ${table} (id) values ('1234')`,
    ],
    // An index that sorts by the C library's rules no longer finds its keys where another version has others.
    (table) => [`alter table ${table} alter id type text collate "C"`],
  ],
  // One that is elsewhere stays there: it has what a new one has, and may be anybody's with so few columns.
  unversioned: { columns: ['id text not null'] },
};

/** A product that is not known is available too, as in memory. */
export function checkStatement(schema: string): string {
  const products = `"${schema}".products`;
  return `
  select products.id from (select pg_sleep($2)) as work left join ${products} as products on products.id = $1`;
}

/** The way of a query to the server, and of its answer to the caller. */
const TRAVEL_MS = 10;

/**
 * In PostgreSQL: a query of `durationMs`, which stops there as soon as its scope aborts, and is not begun
 * if its answer would come too late.
 */
export function queryInventory({ pool, schema }: Database, durationMs: number): CheckInventory {
  const statement = checkStatement(schema);
  const expectedMs = durationMs + TRAVEL_MS;
  return async (productID, scope) => {
    await pool.query(statement, [productID, durationMs / 1_000], scope, { expectedMs });
  };
}
