import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '@orders/chassis';
import type { PostgresAttempts } from './postgres-attempts.ts';
import type { Voids } from './voids.ts';

const INTERVAL_MS = 1_000;
const MAX_VOIDS = 200;

/** For the database, at the beginning and at the end of an attempt. */
const MARGIN_MS = 5_000;

/**
 * Voids the attempts that a replica has left behind, until `signal` aborts. An attempt can last as long as
 * its two calls, of at most `callTimeoutMs` each.
 */
export async function recover(
  attempts: PostgresAttempts,
  voids: Voids,
  callTimeoutMs: number,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  const ageMs = 2 * callTimeoutMs + MARGIN_MS;
  while (!signal.aborted) {
    const room = Math.max(0, MAX_VOIDS - voids.size);
    // Without the database it is tried again.
    const orphans = await attempts.takeOrphans(ageMs, room).catch(() => []);
    for (const orphan of orphans) {
      const { productID, orderID, idempotencyKey, requestId } = orphan;
      const log = logger.child({ requestId, productID, orderID, idempotencyKey });
      log.info(`Recovering order: ${orderID}`);
      voids.add({ ...orphan, log });
    }
    await sleep(INTERVAL_MS, undefined, { signal, ref: false }).catch(() => {});
  }
}
