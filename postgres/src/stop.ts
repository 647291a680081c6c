import type { Client, Pool } from 'pg';

/** A cancel that comes before its statement has begun stops nothing. */
const REPEAT_MS = 50;

/**
 * Stops what `client` does, over a connection of `cancels`. Resolves when the statement and each cancel
 * for it have answered: what is sent next is safe from them. After `timeoutMs` milliseconds, or if no
 * cancel can be sent, it destroys the connection instead.
 */
export async function stop(
  client: Client & { processID?: number },
  answered: Promise<void>,
  cancels: Pool,
  timeoutMs: number,
): Promise<void> {
  const giveUpAt = performance.now() + timeoutMs;
  let isAnswered = false;
  const seen = answered.then(() => {
    isAnswered = true;
  });
  try {
    while (!isAnswered) {
      if (performance.now() > giveUpAt) throw new Error('it does not stop');
      await cancels.query('select pg_cancel_backend($1)', [client.processID]);
      await atMost(REPEAT_MS, seen);
    }
  } catch {
    client.connection.stream.destroy();
  }
}

async function atMost(delayMs: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const delay = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, delayMs);
  });
  await Promise.race([work, delay]);
  clearTimeout(timer);
}
