import { setTimeout as sleep } from 'node:timers/promises';

const PAUSE_MS = 1_000;

/** Does `work` again and again, a second after it has ended, until `signal` aborts. Rejects as it does. */
export async function everySecond(work: () => Promise<void>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await work();
    await sleep(PAUSE_MS, undefined, { signal, ref: false }).catch(() => {});
  }
}
