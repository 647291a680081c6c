import { setTimeout as sleep } from 'node:timers/promises';
import { Scope } from 'request-scope';
import { createPool, DatabaseUnavailable, type ReconnectOptions } from 'request-scope-pg';
import type { Run } from './catalog.ts';

/** SQLSTATE read_only_sql_transaction. */
const READ_ONLY = '25006';

const TIMEOUT_MS = 2_000;

/** An open connection says nothing about the next one, so a new one is opened after this many checks. */
const CHECKS_PER_CONNECTION = 10;

/** For each statement of `prepare`, which may wait for other processes that prepare at the same moment. */
const PREPARE_TIMEOUT_MS = 30_000;

/** True on a standby, and on a server that is read-only for another reason: it accepts no write. */
const CHECK = `select current_setting('transaction_read_only')::boolean as "isReadOnly"`;

/** The callbacks of `watchAvailability`. */
export interface AvailabilityObserver {
  /** The server is there and can be written to, for the first time or again, and `prepare` has resolved. */
  up: () => void;
  /** The server is away. Called once, however long that takes. */
  down?: (error: Error) => void;
  /** A check has ended, after `up` or `down` if it has changed something. `away` says why the server is away now. */
  checked?: (away: Error | undefined) => void;
}

/**
 * Checks the server at `url` once a second until `signal` aborts, and reports each change to `observer`. A server
 * that is read-only counts as away. When the server is there, for the first time or again, `prepare` is called
 * with a function that runs a statement on the watch's own connection; if it rejects, the server counts as away.
 */
export async function watchAvailability(
  url: string,
  prepare: (run: Run) => Promise<void>,
  observer: AvailabilityObserver,
  signal: AbortSignal,
  options: ReconnectOptions = {},
): Promise<void> {
  const { connectTimeoutMs = TIMEOUT_MS, pauseMs = 1_000 } = options;
  const timeoutMs = Math.min(connectTimeoutMs, TIMEOUT_MS);
  const open = (maxUses?: number) =>
    createPool(url, {
      ...options,
      maxConnections: 1,
      connectTimeoutMs: timeoutMs,
      ...(maxUses && { maxUses }),
    });
  let isUp: boolean | undefined;
  let pool = open(CHECKS_PER_CONNECTION);
  let closing: Promise<unknown> = Promise.resolve();
  const runWithin =
    (limitMs: number): Run =>
    async (text, values) => {
      using scope = new Scope(limitMs);
      return (await pool.query(text, values, scope)).rows;
    };
  const ask = runWithin(timeoutMs);
  const check = async () => {
    const [seen] = await ask(CHECK);
    if (seen?.isReadOnly) throw new DatabaseUnavailable(READ_ONLY, new Error('read-only'));
  };
  const comeUp = async () => {
    // One connection for all statements of `prepare`, which holds a lock.
    await pool.close();
    pool = open();
    await prepare(runWithin(PREPARE_TIMEOUT_MS));
    await pool.close();
    pool = open(CHECKS_PER_CONNECTION);
    await check();
    observer.up();
    isUp = true;
  };
  const checkOnce = async () => {
    let away: Error | undefined;
    try {
      await check();
      if (!isUp) await comeUp();
    } catch (error) {
      away = error instanceof Error ? error : new Error(String(error));
      if (isUp !== false) observer.down?.(away);
      isUp = false;
      // The next connection may find the server well. This one may be slow to close.
      closing = Promise.all([closing, pool.close()]);
      pool = open(CHECKS_PER_CONNECTION);
    }
    observer.checked?.(away);
  };
  while (!signal.aborted) {
    await checkOnce();
    await sleep(pauseMs, undefined, { signal, ref: false }).catch(() => {});
  }
  await Promise.all([closing, pool.close()]);
}
