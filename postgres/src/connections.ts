import { Pool } from 'pg';

/**
 * pg's own pools for the server at `url`: one for the statements, and one, with a single connection, for
 * their cancels. They open nothing yet.
 */
export function connectionsTo(url: string, maxConnections: number, timeoutMs: number) {
  const address = { connectionString: url, connectionTimeoutMillis: timeoutMs };
  const statements = new Pool({
    ...address,
    max: maxConnections,
    pipeline: true,
    keepAlive: true,
  });
  // Kept open: a busy server takes its time to open another one.
  const limits = { max: 1, idleTimeoutMillis: 0, query_timeout: timeoutMs };
  const cancels = new Pool({ ...address, ...limits });
  for (const pool of [statements, cancels]) {
    // Whoever waits for an answer is told; what nobody listens to would end the process.
    pool.on('error', () => {});
    pool.on('connect', (client) => client.on('error', () => {}));
  }
  return { statements, cancels };
}
