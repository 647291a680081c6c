import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '@orders/chassis';
import type { PostgresAttempts } from './postgres-attempts.ts';
import type { Voids } from './voids.ts';

const INTERVAL_MS = 1_000;
const MAX_VOIDS = 200;

/** For the database, at the beginning and at the end of an attempt. */
const MARGIN_MS = 5_000;

/**
 * Takes back what another process has left behind, once a second until `signal` aborts. An attempt can
 * last as long as its two calls, of at most `callTimeoutMs` each; what is open for longer is an orphan.
 */
export async function recoverOrphans(
  attempts: PostgresAttempts,
  voids: Voids,
  callTimeoutMs: number,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    // Without the database it is tried again.
    await takeOrphans(attempts, voids, 2 * callTimeoutMs + MARGIN_MS, logger).catch(() => {});
    await sleep(INTERVAL_MS, undefined, { signal, ref: false }).catch(() => {});
  }
}

/** Voids those that have been open for `ageMs`, as many as there is room for. Throws CallFailed. */
export async function takeOrphans(
  attempts: PostgresAttempts,
  voids: Voids,
  ageMs: number,
  logger: Logger,
): Promise<void> {
  const room = Math.max(0, MAX_VOIDS - voids.size);
  for (const orphan of await attempts.takeOrphans(ageMs, room)) {
    const { productID, orderID, idempotencyKey, requestId } = orphan;
    if (voids.has(idempotencyKey)) continue; // No orphan: its void takes longer.
    const log = logger.child({ requestId, productID, orderID, idempotencyKey });
    log.info(`Recovering order: ${orderID}`);
    voids.add({ ...orphan, log });
  }
}
