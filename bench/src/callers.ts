import { setTimeout as sleep } from 'node:timers/promises';
import { BUDGET_HEADER } from 'request-scope';
import { send } from '../../harness/clients.ts';

/** How long a caller waits, and whether it says so. */
export interface CallerKind {
  timeoutMs: number;
  sendsBudget: boolean;
}

/** What became of a caller; times as Date.now() has them. */
export interface Caller extends CallerKind {
  id: string;
  arrivedAt: number;
  /** When it had its answer, or left without. */
  endedAt: number;
  isServed: boolean;
}

/** Callers that arrive independently of each other and of the answers, so many a second on average. */
export interface Crowd {
  perSecond: number;
  durationMs: number;
  /** Each kind is as likely as the others. */
  kinds: readonly CallerKind[];
}

const SEED = 17;

/** Sends a crowd to `/check` at `url`, the same one each time; resolves once all have an answer or have left. */
export async function callFrom({ perSecond, durationMs, kinds }: Crowd, url: string) {
  const random = randomNumbers(SEED);
  const calls: Promise<Caller>[] = [];
  const startedAt = Date.now();
  for (let dueMs = 0; dueMs < durationMs; dueMs += (-Math.log(random()) / perSecond) * 1_000) {
    const lateMs = Date.now() - startedAt - dueMs;
    if (lateMs < 0) await sleep(-lateMs);
    const kind = kinds[Math.floor(random() * kinds.length)];
    if (kind) calls.push(call(url, `caller-${calls.length}`, kind));
  }
  return { startedAt, callers: await Promise.all(calls) };
}

/** Leaves as axios does at its timeout: by closing the connection. */
async function call(
  url: string,
  id: string,
  { timeoutMs, sendsBudget }: CallerKind,
): Promise<Caller> {
  const arrivedAt = Date.now();
  const headers = sendsBudget ? { [BUDGET_HEADER]: String(timeoutMs) } : {};
  const { answer, hangUp } = send(`${url}/check?productID=${id}`, { headers });
  const leave = setTimeout(hangUp, timeoutMs);
  const isServed = await answer.then(
    ({ status }) => status === 200,
    () => false,
  );
  clearTimeout(leave);
  return { id, timeoutMs, sendsBudget, arrivedAt, endedAt: Date.now(), isServed };
}

/** Above 0 and below 1, the same ones for a seed: mulberry32. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return (((bits ^ (bits >>> 14)) >>> 0) + 0.5) / 2 ** 32;
  };
}
