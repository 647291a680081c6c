import { Connection, type ConnectOptions, clientConfig } from './connection.ts';
import { everySecond } from './repeat.ts';

const LISTEN_TIMEOUT_MS = 5_000;

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
  options: ConnectOptions = {},
): Promise<void> {
  const open = () => new Connection(clientConfig(url, options));
  // Whatever it is, it is tried again: a file that the URL names may not be there yet.
  await everySecond(() => hear(open, channel, onPayload, signal).catch(() => {}), signal);
}

/** Listens over one connection, until that is lost or `signal` aborts. */
async function hear(
  open: () => Connection,
  channel: string,
  onPayload: (payload: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const client = open();
  // Not within pg's own listener: what is thrown there is the connection's end.
  client.on('notification', ({ payload = '' }) => process.nextTick(onPayload, payload));
  const ended = new Promise<void>((resolve) => client.on('end', resolve));
  const end = () => void client.end().catch(() => {});
  signal.addEventListener('abort', end);
  try {
    const text = `listen ${client.escapeIdentifier(channel)}`;
    const begun = client.connect().then(() => client.within(LISTEN_TIMEOUT_MS, text));
    // Where it is ended while it connects, pg says nothing of that.
    await Promise.race([begun, ended]);
    await ended;
  } finally {
    signal.removeEventListener('abort', end);
    end(); // A standby refuses to listen, and keeps the connection.
  }
}
