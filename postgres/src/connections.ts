import { Pool } from 'pg';
import { SESSION_SETTINGS } from './session-settings.ts';

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
  statements.on('connect', (client) => {
    // Goes out together with the first statement. Without it that would not be what was meant.
    client.query(SESSION_SETTINGS).catch(() => client.connection.stream.destroy());
  });
  return { statements, cancels };
}
