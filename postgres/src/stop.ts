import type { Client, Pool } from 'pg';

/** A cancel that comes before its statement has begun stops nothing. */
const REPEAT_MS = 50;

/**
 * Stops the statement of `client` that `answer` is for, over a connection of `cancels`. Resolves when
 * that and each cancel for it have answered: what is sent next is safe from them. Where they have not
 * after `timeoutMs` milliseconds, or a cancel fails, it destroys the connection instead.
 */
export async function stop(
  client: Client & { processID?: number },
  answer: Promise<unknown>,
  cancels: Pool,
  timeoutMs: number,
): Promise<void> {
  const giveUpAt = performance.now() + timeoutMs;
  let isAnswered = false;
  const seen = () => {
    isAnswered = true;
  };
  const answered = answer.then(seen, seen);
  try {
    while (!isAnswered && performance.now() < giveUpAt) {
      await cancels.query('select pg_cancel_backend($1)', [client.processID]);
      await atMost(REPEAT_MS, answered);
    }
  } catch {
    isAnswered = false; // The cancel that failed may still arrive.
  }
  if (!isAnswered) client.connection.stream.destroy();
}

async function atMost(delayMs: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const delay = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, delayMs);
  });
  await Promise.race([work, delay]);
  clearTimeout(timer);
}
