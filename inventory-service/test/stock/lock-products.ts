import { ClientDisconnected, Scope } from 'request-scope';
import { createPool } from 'request-scope-pg';
import type { useServer } from '../../../harness/use-server.ts';

/** Locks the table, and so keeps checks running, until the result is disposed of. */
export async function lockProducts(server: ReturnType<typeof useServer>) {
  const pool = createPool(server.postgres.url, { maxConnections: 1 });
  const scope = new Scope();
  const lock = "do 'begin lock table orders.products; perform pg_sleep(3600); end'";
  const locked = pool.query(lock, [], scope).catch(() => {});
  await server.runs(lock);
  return {
    async [Symbol.asyncDispose]() {
      scope.abort(new ClientDisconnected());
      await locked;
      await pool.close();
    },
  };
}
