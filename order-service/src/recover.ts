import type { Database, Logger } from '@orders/chassis';
import { everySecond } from '@orders/postgres/every-second';
import type { PostgresAttempts } from './attempts/postgres.ts';
import type { Voids } from './voids.ts';

const MAX_VOIDS = 200;

/**
 * Takes back what another process has left behind, once a second until `signal` aborts: what is open for
 * longer than an attempt can last is an orphan. Nothing is asked of a `database` that is not available: the
 * table may not be there yet.
 */
export async function recoverOrphans(
  database: Pick<Database, 'isAvailable'>,
  attempts: Pick<PostgresAttempts, 'takeOrphans'>,
  voids: Voids,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  await everySecond(async () => {
    if (!database.isAvailable) return;
    // Where it is lost just now, it is tried again.
    await takeOrphans(attempts, voids, logger, signal).catch(() => {});
  }, signal);
}

/** Voids the orphans, as many as there is room for; none once `signal` has aborted. Throws OrderFailed. */
export async function takeOrphans(
  attempts: Pick<PostgresAttempts, 'takeOrphans'>,
  voids: Voids,
  logger: Logger,
  signal?: AbortSignal,
): Promise<void> {
  const room = Math.max(0, MAX_VOIDS - voids.size);
  const orphans = await attempts.takeOrphans(room);
  if (signal?.aborted) return; // Another process takes them when their time is up again.
  for (const orphan of orphans) {
    const { productID, orderID, paymentKey, callerKey, requestId } = orphan;
    if (voids.has(paymentKey)) continue; // No orphan: its void takes longer.
    const log = logger.child({ requestId, productID, orderID, paymentKey, callerKey });
    log.info(`Recovering order: ${orderID}`);
    voids.add({ ...orphan, log });
  }
}
