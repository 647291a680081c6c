import type { Database } from '../src/database.ts';
import { createPool, listen } from '../src/index.ts';

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
