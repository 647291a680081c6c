import { Scope } from 'request-scope';
import type { Run } from './catalog.ts';
import type { ConnectOptions } from './connection.ts';
import { DatabaseUnavailable } from './errors.ts';
import { createPool } from './pool.ts';
import { everySecond } from './repeat.ts';

const TIMEOUT_MS = 2_000;

/** A connection says nothing of the next one: after so many looks a new one has to be let in. */
const LOOKS_OF_A_CONNECTION = 10;

/** For a statement of `prepare`: it may wait for others, who do the same at the same moment. */
const PREPARE_TIMEOUT_MS = 30_000;

/** True on a standby, and on a server that is read-only for another reason: nothing can be written there. */
const CHECK = `select current_setting('transaction_read_only')::boolean as "isReadOnly"`;

/** SQLSTATE read_only_sql_transaction. */
const READ_ONLY = '25006';

/** Who is told whether the server is there. */
export interface Watcher {
  /** Called when the server is there and can be written to, at first and again, and `prepare` has resolved. */
  up: () => void;
  /** Called when it is not, once for as long as that lasts. */
  down: (error: Error) => void;
  /** Called after each look, and after what it has changed was told. */
  looked?: () => void;
}

/**
 * Looks for the server at `url` once a second until `signal` aborts, and tells `watcher` of each change.
 * When it is there, at first and again, `prepare` is called with what runs a statement on the watcher's own
 * connection; where it rejects, the server counts as away.
 */
export async function watch(
  url: string,
  prepare: (run: Run) => Promise<void>,
  watcher: Watcher,
  signal: AbortSignal,
  options: ConnectOptions = {},
): Promise<void> {
  const { connectTimeoutMs = TIMEOUT_MS } = options;
  const timeoutMs = Math.min(connectTimeoutMs, TIMEOUT_MS);
  const open = (maxUses?: number) =>
    createPool(url, {
      ...options,
      maxConnections: 1,
      connectTimeoutMs: timeoutMs,
      ...(maxUses && { maxUses }),
    });
  let isUp: boolean | undefined;
  let pool = open(LOOKS_OF_A_CONNECTION);
  let closing: Promise<unknown> = Promise.resolve();
  const runWithin =
    (limitMs: number): Run =>
    async (text, values) => {
      using scope = new Scope(limitMs);
      return (await pool.query(text, values, scope)).rows;
    };
  const ask = runWithin(timeoutMs);
  const look = async () => {
    const [seen] = await ask(CHECK);
    if (seen?.isReadOnly) throw new DatabaseUnavailable(READ_ONLY, new Error('read-only'));
  };
  await everySecond(async () => {
    try {
      await look();
      if (!isUp) {
        // A pooler that is not in session mode shows itself at a second connection. It stays: `prepare` locks.
        await pool.close();
        pool = open();
        await look();
        await prepare(runWithin(PREPARE_TIMEOUT_MS));
        await pool.close();
        pool = open(LOOKS_OF_A_CONNECTION);
        await look();
        watcher.up();
        isUp = true;
      }
    } catch (error) {
      if (isUp !== false) watcher.down(error instanceof Error ? error : new Error(String(error)));
      isUp = false;
      // What this connection says may be true of no other. It may take its time to close.
      closing = Promise.all([closing, pool.close()]);
      pool = open(LOOKS_OF_A_CONNECTION);
    }
    watcher.looked?.();
  }, signal);
  await Promise.all([closing, pool.close()]);
}
