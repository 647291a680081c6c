import { setTimeout as sleep } from 'node:timers/promises';
import type { Scope } from 'request-scope';

/** Looks whether the product is available. Rejects as soon as `scope` aborts. */
export type CheckInventory = (productID: string, scope: Scope) => Promise<void>;

/** In memory: `durationMs` of simulated work. */
export function simulateCheck(durationMs: number): CheckInventory {
  return (_productID, { signal }) => sleep(durationMs, undefined, { signal });
}
