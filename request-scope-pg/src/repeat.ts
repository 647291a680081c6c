import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Runs `work` again and again until `signal` aborts, with a pause of `pauseMs` milliseconds in between. Rejects
 * if `work` does.
 */
export async function repeat(
  work: () => Promise<void>,
  signal: AbortSignal,
  pauseMs = 1_000,
): Promise<void> {
  while (!signal.aborted) {
    await work();
    await sleep(pauseMs, undefined, { signal, ref: false }).catch(() => {});
  }
}
