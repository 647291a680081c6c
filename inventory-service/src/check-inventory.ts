import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Looks whether the product is available: `durationMs` of simulated work, where a query would stand
 * that takes the signal. Rejects as soon as `signal` aborts.
 */
export async function checkInventory(
  _productID: string,
  durationMs: number,
  signal: AbortSignal,
): Promise<void> {
  await sleep(durationMs, undefined, { signal });
}
