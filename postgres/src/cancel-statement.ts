import { requestCancel } from './cancel-request.ts';
import type { Connection } from './connection.ts';
import type { Turns } from './semaphore.ts';

/** A cancel that comes before its statement has begun stops nothing. Each next pause is twice as long. */
const FIRST_PAUSE_MS = 50;

/**
 * Stops the statement of `client` that `answer` is for, each cancel in its turn of `cancels`. Resolves
 * when that and each cancel for it have answered: what is sent next is safe from them. Where they have
 * not after `timeoutMs` milliseconds, or a cancel fails, it destroys the connection instead.
 */
export async function stop(
  client: Connection,
  answer: Promise<unknown>,
  cancels: Turns,
  timeoutMs: number,
): Promise<void> {
  const giveUpAt = performance.now() + timeoutMs;
  const leftMs = () => giveUpAt - performance.now();
  let isAnswered = false;
  const seen = () => {
    isAnswered = true;
  };
  const answered = answer.then(seen, seen);
  try {
    for (let pauseMs = FIRST_PAUSE_MS; !isAnswered && leftMs() > 0; pauseMs *= 2) {
      await cancels.take(undefined, false);
      try {
        if (!isAnswered) await requestCancel(client, Math.max(1, leftMs()));
      } finally {
        cancels.end();
      }
      await atMost(Math.min(pauseMs, leftMs()), answered);
    }
  } catch {
    isAnswered = false; // The cancel that failed may still arrive.
  }
  if (!isAnswered) client.destroy();
}

async function atMost(delayMs: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const delay = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, delayMs);
  });
  await Promise.race([work, delay]);
  clearTimeout(timer);
}
