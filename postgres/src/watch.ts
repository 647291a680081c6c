import { Scope } from '#request-scope';
import { everySecond } from './every-second.ts';
import { createPool } from './pool.ts';

const TIMEOUT_MS = 2_000;

/** For the schema: it may wait for others, who make it at the same moment. */
const SCHEMA_TIMEOUT_MS = 30_000;

/** Who is told whether the server is there. */
export interface Watcher {
  /** Called when the server is there, at first and again, with `schema` made in it. */
  up: () => void;
  /** Called when it is not, once for as long as that lasts. */
  down: (error: Error) => void;
}

/**
 * Looks for the server at `url` once a second until `signal` aborts, and tells `watcher` of each change.
 * When it is there for the first time, `schema` is run: statements that may find their work done. Any
 * number of processes may do so at once.
 */
export async function watch(
  url: string,
  schema: string,
  watcher: Watcher,
  signal: AbortSignal,
): Promise<void> {
  await using pool = createPool(url, { maxConnections: 1, connectTimeoutMs: TIMEOUT_MS });
  let isUp: boolean | undefined;
  let next = { text: once(schema), timeoutMs: SCHEMA_TIMEOUT_MS };
  await everySecond(async () => {
    using scope = new Scope(next.timeoutMs);
    try {
      await pool.query(next.text, [], scope);
      next = { text: 'select 1', timeoutMs: TIMEOUT_MS };
      if (!isUp) watcher.up();
      isUp = true;
    } catch (error) {
      if (isUp !== false) watcher.down(error instanceof Error ? error : new Error(String(error)));
      isUp = false;
    }
  }, signal);
}

/** One at a time: of two that find a table missing, PostgreSQL lets one make it and the other fail. */
function once(schema: string): string {
  const lock = "perform pg_advisory_xact_lock(hashtext('schema'))";
  return `do $schema$ begin ${lock}; ${schema} end $schema$`;
}
