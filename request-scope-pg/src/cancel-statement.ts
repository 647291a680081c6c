import { atMost } from './at-most.ts';
import { requestCancel } from './cancel-request.ts';
import type { Connection } from './connection.ts';
import type { Semaphore } from './semaphore.ts';

/** The pause after the first cancel request. Each further pause is twice as long. */
const FIRST_PAUSE_MS = 50;

/**
 * Cancels the statement of `client` that `answer` belongs to; `cancels` limits the requests at a time.
 *
 * A cancel request names a session and not a statement. One that arrives before the statement has begun stops
 * nothing, so it is repeated until the statement has answered. One that arrives late would stop the next
 * statement, so this resolves only when the statement and every request for it have answered: then the
 * connection is safe to use. If that takes longer than `timeoutMs` milliseconds, or a request fails, the
 * connection is destroyed instead.
 */
export async function cancelStatement(
  client: Connection,
  answer: Promise<unknown>,
  cancels: Semaphore,
  timeoutMs: number,
): Promise<void> {
  const giveUpAt = performance.now() + timeoutMs;
  const leftMs = () => Math.max(0, giveUpAt - performance.now());
  const ended = new AbortController();
  const timer = setTimeout(() => ended.abort(), timeoutMs);
  let isAnswered = false;
  const seen = () => {
    isAnswered = true;
  };
  const answered = answer.then(seen, seen);
  try {
    for (let pauseMs = FIRST_PAUSE_MS; !isAnswered && leftMs() > 0; pauseMs *= 2) {
      await cancels.run(async () => {
        if (!isAnswered) await requestCancel(client, Math.max(1, leftMs()));
      }, ended.signal);
      await atMost(Math.min(pauseMs, leftMs()), answered);
    }
  } catch {
    isAnswered = false; // The request that failed may still arrive.
  } finally {
    clearTimeout(timer);
  }
  if (!isAnswered) client.destroy();
}
