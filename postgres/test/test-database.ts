import type { Database } from '../src/database.ts';
import { createPool, listen } from '../src/index.ts';

type Query = Database['pool']['query'];

/** `database`, of which each query is handed to `meet` with the original one, to do it or something else. */
export function meetQueries<Its extends Database>(
  database: Its,
  meet: (query: () => ReturnType<Query>, text: string) => Promise<unknown>,
): Its {
  const query = (...args: Parameters<Query>) => meet(() => database.pool.query(...args), args[0]);
  return { ...database, pool: Object.assign(Object.create(database.pool), { query }) };
}

/** The database at `url` as a service has it, with `schema` made in it, until it is disposed of. */
export async function testDatabase(url: string, schema: string) {
  const pool = createPool(url, { maxConnections: 3 });
  const listening = new AbortController();
  await pool.query(`do $schema$ begin ${schema} end $schema$`);
  const close = async () => {
    listening.abort();
    await pool.close();
  };
  const database: Database & AsyncDisposable = {
    pool,
    isAvailable: true,
    listen: (channel, onPayload) => void listen(url, channel, onPayload, listening.signal),
    close,
    [Symbol.asyncDispose]: close,
  };
  return database;
}
