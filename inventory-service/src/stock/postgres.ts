import type { Database, Table } from '@orders/chassis';
import type { ScopeView } from 'request-scope';
import type { Stock } from './stock.ts';

export const PRODUCTS: Table = {
  name: 'products',
  privileges: ['select'],
  columns: ['id text not null'],
  migrations: [
    (table) => [
      `create table ${table} (id text primary key)`,
      `insert into ${table} (id) values ('1234')`,
    ],
    // Collation "C", because an index in the C library's order breaks when an upgrade changes that order.
    (table) => [`alter table ${table} alter id type text collate "C"`],
  ],
  // An unversioned table in another schema is not moved: a new one has the same row, and a table with a single
  // column may belong to something else.
  unversioned: { columns: ['id text not null'] },
};

/** The statement of a check. Like the stock in memory, it finds even an unknown product available. */
export function checkStatement(schema: string): string {
  const products = `"${schema}".products`;
  return `
  select products.id from (select pg_sleep($2)) as work left join ${products} as products on products.id = $1`;
}

/** Added to the duration of a check, for the round trip to the database and the answer to the caller. */
const TRAVEL_MS = 10;

export class PostgresStock implements Stock {
  readonly #pool: Database['pool'];
  readonly #statement: string;
  readonly #durationMs: number;

  /**
   * A check is a query of `durationMs` milliseconds. It stops in the database as soon as its scope aborts,
   * and is not sent if its scope has less time left than that.
   */
  constructor({ pool, schema }: Pick<Database, 'pool' | 'schema'>, durationMs: number) {
    this.#pool = pool;
    this.#statement = checkStatement(schema);
    this.#durationMs = durationMs;
  }

  async check(productID: string, scope: ScopeView): Promise<void> {
    const values = [productID, this.#durationMs / 1_000];
    const expectedMs = this.#durationMs + TRAVEL_MS;
    await this.#pool.query(this.#statement, values, scope, { expectedMs });
  }
}
