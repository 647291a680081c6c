import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';

const RETRY_MS = 1_000;

/**
 * Calls `onPayload` with what is notified on `channel`, over a connection of its own, which is opened
 * again whenever it is lost, until `signal` aborts. What is notified meanwhile is not heard: it may only
 * hasten what happens anyway.
 */
export async function listen(
  url: string,
  channel: string,
  onPayload: (payload: string) => void,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const client = new Client({ connectionString: url, keepAlive: true });
    client.on('notification', ({ payload = '' }) => onPayload(payload));
    const ended = new Promise<void>((resolve) => client.on('end', resolve).on('error', () => {}));
    const end = () => void client.end();
    signal.addEventListener('abort', end);
    try {
      await client.connect();
      await client.query(`listen ${client.escapeIdentifier(channel)}`);
      await ended;
    } catch {
      // It is tried again.
    }
    signal.removeEventListener('abort', end);
    await sleep(RETRY_MS, undefined, { signal, ref: false }).catch(() => {});
  }
}
