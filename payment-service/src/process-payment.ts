import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Charges the order: `durationMs` of simulated work, where a card charge would stand that takes the
 * signal. Rejects as soon as `signal` aborts.
 */
export async function processPayment(
  _orderID: string,
  durationMs: number,
  signal: AbortSignal,
): Promise<void> {
  await sleep(durationMs, undefined, { signal });
}
