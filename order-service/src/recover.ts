import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '@orders/chassis';
import type { Attempts } from './attempts/attempts.ts';
import type { Voids } from './voids.ts';

const PAUSE_MS = 1_000;

const MAX_PENDING_VOIDS = 200;

type Abandoned = Pick<Attempts, 'claimAbandoned'>;

/**
 * Recovers the attempts that other processes have abandoned, once a second, until `signal` aborts. Never
 * rejects.
 */
export async function recoverAbandoned(
  attempts: Abandoned,
  voids: Voids,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    // If the database cannot be reached just now, the next round tries again.
    await recoverOnce(attempts, voids, logger, signal).catch(() => {});
    await sleep(PAUSE_MS, undefined, { signal, ref: false }).catch(() => {});
  }
}

/**
 * Claims abandoned attempts and voids their payments, as long as fewer than 200 voids are pending. Voids
 * nothing once `signal` has aborted.
 * @throws {OrderFailed} if no attempt can be claimed.
 */
export async function recoverOnce(
  attempts: Abandoned,
  voids: Voids,
  logger: Logger,
  signal?: AbortSignal,
): Promise<void> {
  const room = Math.max(0, MAX_PENDING_VOIDS - voids.size);
  const abandoned = await attempts.claimAbandoned(room);
  if (signal?.aborted) return; // Another process claims them once they have expired again.
  for (const attempt of abandoned) {
    const { productID, orderID, paymentKey, callerKey, requestId } = attempt;
    if (voids.has(paymentKey)) continue; // Not abandoned: this process is still voiding it.
    const log = logger.child({ requestId, productID, orderID, paymentKey, callerKey });
    log.info(`Recovering order: ${orderID}`);
    voids.add({ ...attempt, log });
  }
}
