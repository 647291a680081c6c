import { Scope } from '#request-scope';
import { everySecond } from './every-second.ts';
import { createPool } from './pool.ts';

const TIMEOUT_MS = 2_000;
const OPTIONS = { maxConnections: 1, connectTimeoutMs: TIMEOUT_MS };

/** For the schema: it may wait for others, who make it at the same moment. */
const SCHEMA_TIMEOUT_MS = 30_000;

/** Fails on a standby, and on a server that is read-only for another reason. */
const CHECK = `
  if current_setting('transaction_read_only')::boolean then raise read_only_sql_transaction; end if;`;

/** Who is told whether the server is there. */
export interface Watcher {
  /** Called when the server is there and can be written to, at first and again, with `schema` made in it. */
  up: () => void;
  /** Called when it is not, once for as long as that lasts. */
  down: (error: Error) => void;
}

/**
 * Looks for the server at `url` once a second until `signal` aborts, and tells `watcher` of each change.
 * When it is there, at first and again, `schema` is run: statements that may find their work done. Any
 * number of processes may do so at once.
 */
export async function watch(
  url: string,
  schema: string,
  watcher: Watcher,
  signal: AbortSignal,
): Promise<void> {
  let isUp: boolean | undefined;
  let pool = createPool(url, OPTIONS);
  const run = async (statements: string, timeoutMs: number) => {
    using scope = new Scope(timeoutMs);
    await pool.query(`do $block$ begin ${statements} end $block$`, [], scope);
  };
  await everySecond(async () => {
    try {
      await run(CHECK, TIMEOUT_MS);
      if (isUp) return;
      await run(LOCK + schema, SCHEMA_TIMEOUT_MS);
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

/** One at a time: of two that find a table missing, PostgreSQL lets one make it and the other fail. */
const LOCK = "perform pg_advisory_xact_lock(hashtext('schema'));";
