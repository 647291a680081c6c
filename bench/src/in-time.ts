import { setTimeout as sleep } from 'node:timers/promises';

/** Nothing that is measured takes nearly as long; work that does has failed. */
const GIVE_UP_MS = 30_000;

/** What `work` resolves with. Rejects if it takes 30 s. */
export async function inTime<T>(what: string, work: Promise<T>): Promise<T> {
  const ended = new AbortController();
  const { signal } = ended;
  const late = async () => {
    await sleep(GIVE_UP_MS, undefined, { signal });
    throw new Error(`${what} took more than ${GIVE_UP_MS} ms`);
  };
  const timer = late();
  timer.catch(() => {});
  return Promise.race([work, timer]).finally(() => ended.abort());
}
