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

const MARK = `select current_setting('request_scope.connection', true) as mark`;

/** How often two connections look for the mark, in turns. */
const ROUNDS = 8;

/**
 * The part of the time for opening a connection that the second one may take to open, and to get a session: in
 * session mode, a pooler may have none left.
 */
const SHARE = 0.2;

/**
 * Sets up the sessions of connections to one server.
 *
 * Settings and cancel requests work only if all statements of a connection run in the same session, and no
 * other connection's do. Behind a pooler in transaction mode they do not, which two connections can tell: one
 * marks its session, and then either the other one finds the mark, or the first one finds it gone. A pooler
 * gives out the session that was released last, or the next one in turn, or under load any of them.
 */
export class Sessions {
  readonly #openBare: (timeoutMs: number) => Connection;
  #areOwn = false;
  #comparing: Promise<boolean> | undefined;

  /** `openBare` makes a connection to the same server, whose session will not be set up. */
  constructor(openBare: (timeoutMs: number) => Connection) {
    this.#openBare = openBare;
  }

  /**
   * Sets up the session of a new connection, with at most `timeoutMs` milliseconds for each step.
   *
   * @throws An error with the code `transaction-pooling` if the session is shared with other connections.
   */
  async setUp(connection: Connection, timeoutMs: number): Promise<void> {
    // Not every platform of the server supports it; the connection works without.
    connection.query({ text: END_WITH_CLIENT }).catch(() => {});
    const mark = randomUUID();
    const text = `${SETTINGS}; set request_scope.connection = '${mark}'; select pg_backend_pid() as pid`;
    const [session] = await connection.rowsWithin(timeoutMs, text);
    // A pooler makes up the process that it names when a connection is opened.
    if (!session || session.pid === connection.processID || this.#areOwn) return;
    if (!(await this.#compare(connection, mark, timeoutMs))) return;
    const message =
      'the pooler shares its sessions between clients, so a cancel could stop the statement of another: set pool_mode = session';
    throw Object.assign(new Error(message), { code: 'transaction-pooling' });
  }

  /** Connections that are opened at the same time share a comparison, but not its failure. */
  async #compare(connection: Connection, mark: string, timeoutMs: number): Promise<boolean> {
    while (this.#comparing) {
      const isShared = await this.#comparing.catch(() => undefined);
      if (isShared !== undefined) return isShared;
    }
    this.#comparing = this.#isShared(connection, mark, timeoutMs).finally(() => {
      this.#comparing = undefined;
    });
    return await this.#comparing;
  }

  /** Whether another connection meets this one in a session. False, but not for ever, if it gets no session. */
  async #isShared(connection: Connection, mark: string, timeoutMs: number): Promise<boolean> {
    const otherMs = timeoutMs * SHARE;
    const other = this.#openBare(otherMs);
    const isMarked = async (where: Connection, limitMs: number) =>
      (await where.rowsWithin(limitMs, MARK))[0]?.mark === mark;
    try {
      const isOpen = await other.connect().then(
        () => true,
        () => false,
      );
      for (let round = 0; isOpen && round < ROUNDS; round += 1) {
        if (!(await isMarked(connection, timeoutMs))) return true;
        const isSeen = await isMarked(other, otherMs).catch(() => undefined);
        if (isSeen === undefined) return false;
        if (isSeen) return true;
      }
      this.#areOwn = isOpen;
      await other.end();
      return false;
    } finally {
      other.destroy();
    }
  }
}
