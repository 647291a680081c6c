import { setTimeout as sleep } from 'node:timers/promises';

const INTERVAL_MS = 100;
const BOUND_MS = 30_000;

/** Calls `look` again and again until it finds something that no event announces. */
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
