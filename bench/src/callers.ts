import { setTimeout as sleep } from 'node:timers/promises';
import { BUDGET_HEADER } from 'request-scope';
import { send } from '../../harness/clients.ts';

/** How long a caller waits, and whether it sends that as a budget. */
export interface CallerKind {
  timeoutMs: number;
  sendsBudget: boolean;
}

/** The outcome of a caller; times are Unix times in milliseconds. */
export interface Caller extends CallerKind {
  id: string;
  arrivedAt: number;
  /** When it got its answer or hung up. */
  endedAt: number;
  isServed: boolean;
}

/** Callers that arrive independently of each other and of the answers, `perSecond` on average. */
export interface Crowd {
  perSecond: number;
  durationMs: number;
  /** All kinds are equally likely. */
  kinds: readonly CallerKind[];
}

const SEED = 17;

/** Sends the same crowd to `/check` at `url` each time; resolves once every caller has an answer or has hung up. */
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

/** Hangs up as axios does at its timeout: by closing the connection. */
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

/** Pseudorandom numbers between 0 and 1 (mulberry32); a seed always yields the same ones. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return (((bits ^ (bits >>> 14)) >>> 0) + 0.5) / 2 ** 32;
  };
}
