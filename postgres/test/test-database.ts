import { createPool, listen } from 'request-scope-pg';
import { Batch, type BatchOptions } from '../../request-scope-pg/src/batch.ts';
import type { Database } from '../src/database.ts';
import { type Run, type Table, Tables } from '../src/index.ts';

/** The schema of the tables in a test database. */
export const SCHEMA = 'orders';

type Query = Database['pool']['query'];

/** `database`, but each query calls `meet` with a function that runs it. */
export function meetQueries<Its extends Database>(
  database: Its,
  meet: (query: () => ReturnType<Query>, text: string) => Promise<unknown>,
): Its {
  const { pool } = database;
  const query = (...args: Parameters<Query>) => meet(() => pool.query(...args), args[0]);
  const send = (...args: Parameters<typeof pool.send>) => meet(() => pool.send(...args), args[0]);
  const batch = (text: string, options: BatchOptions) =>
    new Batch({ send } as Pick<typeof pool, 'send'>, text, options);
  return { ...database, pool: Object.assign(Object.create(pool), { query, batch }) };
}

/** The database at `url` with `table`, as a service has it, until it is disposed of. */
export async function testDatabase(url: string, table: Table) {
  const pool = createPool(url, { maxConnections: 3 });
  const listening = new AbortController();
  await using creator = createPool(url, { maxConnections: 1 });
  const run: Run = async (text, values) => (await creator.query(text, values)).rows;
  await new Tables(SCHEMA, [table]).prepare(run);
  const close = async () => {
    listening.abort();
    await pool.close();
  };
  const database: Database & AsyncDisposable = {
    pool,
    schema: SCHEMA,
    isAvailable: true,
    listen: (channel, onPayload) => void listen(url, channel, onPayload, listening.signal),
    close,
    [Symbol.asyncDispose]: close,
  };
  return database;
}
