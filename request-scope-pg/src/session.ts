import { randomUUID } from 'node:crypto';
import type { Connection } from './connection.ts';

/**
 * Each connection sets these before its first statement, so that defaults of the server, the database or the
 * role do not matter. Timestamps are read in ISO format. Under a stricter isolation level one of two concurrent
 * writes would fail instead of waiting for the other. An acknowledged commit must be on disk, and on a standby
 * if the server is set up so.
 */
const SETTINGS = `
  set datestyle = 'ISO'; set timezone = 'UTC'; set standard_conforming_strings = on;
  set default_transaction_isolation = 'read committed'; set statement_timeout = 0;
  select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'`;

/** Makes the server end the statement of a client that has gone. PostgreSQL 14 and later. */
const END_WITH_CLIENT = `
  select set_config('client_connection_check_interval', '1s', false)
  where current_setting('client_connection_check_interval', true) = '0'`;

/** Applies the settings, marks the session with `id`, and returns the mark that was there before. */
const setUp = (id: string) => `${SETTINGS};
  select pg_backend_pid() as pid, current_setting('request_scope.connection', true) as marked,
    set_config('request_scope.connection', '${id}', false)`;

/**
 * Sets up the session of a new connection.
 *
 * Settings and cancel requests work only if all statements of a connection run in the same session. With a
 * pooler in transaction mode they do not. Such a pooler shows when the session's process is not the one that
 * the connection was opened with, and another connection has marked the session.
 *
 * @throws An error with the code `transaction-pooling` in that case.
 */
export async function setUpSession(connection: Connection, timeoutMs: number): Promise<void> {
  // Not every platform of the server supports it; the connection works without.
  connection.query({ text: END_WITH_CLIENT }).catch(() => {});
  const [session] = await connection.rowsWithin(timeoutMs, setUp(randomUUID()));
  const isPooled = session?.pid !== connection.processID;
  if (!isPooled || !session?.marked) return;
  const message = 'the pooler gives one session to several connections: it must be in session mode';
  throw Object.assign(new Error(message), { code: 'transaction-pooling' });
}
