import type { Database, Table } from '@orders/chassis';
import type { Stock, StockScope } from './stock.ts';

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

/** Added to the duration of a check: the round trip to the database, and the answer to the caller. */
const TRAVEL_MS = 10;

/** The stock in PostgreSQL. */
export class PostgresStock implements Stock {
  readonly #pool: Database['pool'];
  readonly #statement: string;
  readonly #durationMs: number;

  /**
   * A check is a query of `durationMs` milliseconds. The database stops it as soon as its scope aborts. It
   * is not sent if its scope has less time left than the check takes.
   */
  constructor({ pool, schema }: Pick<Database, 'pool' | 'schema'>, durationMs: number) {
    this.#pool = pool;
    this.#statement = checkStatement(schema);
    this.#durationMs = durationMs;
  }

  async check(productID: string, scope: StockScope): Promise<void> {
    const values = [productID, this.#durationMs / 1_000];
    const expectedMs = this.#durationMs + TRAVEL_MS;
    await this.#pool.query(this.#statement, values, scope, { expectedMs });
  }
}
