import { Client, type ClientConfig } from 'pg';
import { everySecond } from './every-second.ts';

/** How long to connect may take, and the silence after which the server is asked whether it is there. */
const CONNECT_TIMEOUT_MS = 5_000;
const KEEP_ALIVE_MS = 10_000;

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
  connectTimeoutMs = CONNECT_TIMEOUT_MS,
): Promise<void> {
  const options = {
    connectionString: url,
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
  };
  // Whatever it is, it is tried again: a file that the URL names may not be there yet.
  await everySecond(() => hear(options, channel, onPayload, signal).catch(() => {}), signal);
}

/** Listens over one connection, until that is lost or `signal` aborts. */
async function hear(
  options: ClientConfig,
  channel: string,
  onPayload: (payload: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const client = new Client(options);
  client.on('notification', ({ payload = '' }) => onPayload(payload));
  const ended = new Promise<void>((resolve) => client.on('end', resolve).on('error', () => {}));
  const end = () => void client.end().catch(() => {});
  signal.addEventListener('abort', end);
  try {
    const begun = client
      .connect()
      .then(() => client.query(`listen ${client.escapeIdentifier(channel)}`));
    // Where it is ended while it connects, pg says nothing of that.
    await Promise.race([begun, ended]);
    await ended;
  } finally {
    signal.removeEventListener('abort', end);
    end(); // A standby refuses to listen, and keeps the connection.
  }
}
