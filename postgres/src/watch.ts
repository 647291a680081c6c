import { Scope } from '#request-scope';
import { DatabaseUnavailable } from './errors.ts';
import { everySecond } from './every-second.ts';
import type { Run } from './look-for-tables.ts';
import { createPool } from './pool.ts';

const TIMEOUT_MS = 2_000;
const OPTIONS = { maxConnections: 1, connectTimeoutMs: TIMEOUT_MS };

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
): Promise<void> {
  let isUp: boolean | undefined;
  let pool = createPool(url, OPTIONS);
  const runWithin =
    (timeoutMs: number): Run =>
    async (text, values) => {
      using scope = new Scope(timeoutMs);
      return (await pool.query(text, values, scope)).rows;
    };
  const check = runWithin(TIMEOUT_MS);
  const run = runWithin(PREPARE_TIMEOUT_MS);
  await everySecond(async () => {
    try {
      const [seen] = await check(CHECK);
      if (seen?.isReadOnly) throw new DatabaseUnavailable(READ_ONLY, new Error('read-only'));
      if (isUp) return;
      await prepare(run);
      watcher.up();
      isUp = true;
    } catch (error) {
      if (isUp !== false) watcher.down(error instanceof Error ? error : new Error(String(error)));
      isUp = false;
      // What this connection says may be true of no other.
      await pool.close();
      pool = createPool(url, OPTIONS);
    }
  }, signal);
  await pool.close();
}
