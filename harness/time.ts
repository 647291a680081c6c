import { setTimeout as sleep } from 'node:timers/promises';

const INTERVAL_MS = 100;
const BOUND_MS = 30_000;

/** Calls `look` repeatedly until it resolves with a value. For conditions that no event announces. */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined>,
  { intervalMs = INTERVAL_MS, boundMs = BOUND_MS } = {},
): Promise<T> {
  const startedAt = performance.now();
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() - startedAt > boundMs) throw new Error(`never saw ${what}`);
    await sleep(intervalMs);
  }
}

/** The time since a reading of `performance.now()` as text: `5.02 s`. */
export function since(startedAt: number): string {
  return `${((performance.now() - startedAt) / 1_000).toFixed(2)} s`;
}

/** Blocks the event loop for `ms` milliseconds, as SIGSTOP or a long task does, so that every timer is late. */
export function standStill(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() <= end);
}
