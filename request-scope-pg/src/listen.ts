import { setTimeout as sleep } from 'node:timers/promises';
import type { ReconnectOptions } from './connect-options.ts';
import { Connection, clientConfig } from './connection.ts';
import type { DatabaseUnavailable } from './errors.ts';
import { toNotConnected } from './pg-errors.ts';

const LISTEN_TIMEOUT_MS = 5_000;

export interface ListenOptions extends ReconnectOptions {
  /** Called after each attempt that has failed; the next one follows after `pauseMs`. */
  onError?: (error: DatabaseUnavailable) => void;
}

/**
 * Calls `onPayload` with each notification on `channel` until `signal` aborts. The connection is its own, and is
 * opened again when it is lost. Notifications in between are lost: they may only hasten what happens anyway.
 * Resolves once `signal` has aborted and the connection is closed; never rejects.
 *
 * @param url as for `createPool`.
 */
export async function listen(
  url: string,
  channel: string,
  onPayload: (payload: string) => void,
  signal: AbortSignal,
  options: ListenOptions = {},
): Promise<void> {
  const { pauseMs = 1_000, onError = () => {} } = options;
  const failed = (error: unknown) => {
    if (!signal.aborted) process.nextTick(onError, toNotConnected(error));
  };
  const open = () => new Connection(clientConfig(url, options));
  while (!signal.aborted) {
    // Any error is worth another attempt: a file that the URL names may not be there yet.
    await listenOnce(open, channel, onPayload, signal).catch(failed);
    await sleep(pauseMs, undefined, { signal, ref: false }).catch(() => {});
  }
}

/** Listens over one connection, until it is lost or `signal` aborts. */
async function listenOnce(
  open: () => Connection,
  channel: string,
  onPayload: (payload: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const client = open();
  // In a tick of its own: an error that is thrown inside pg's listener would end the connection.
  client.on('notification', ({ payload = '' }) => process.nextTick(onPayload, payload));
  // Later, because pg emits 'end' before `begun` has rejected with the reason.
  const ended = new Promise<void>((resolve) => client.on('end', () => setImmediate(resolve)));
  const end = () => void client.end().catch(() => {});
  signal.addEventListener('abort', end);
  try {
    const text = `listen ${client.escapeIdentifier(channel)}`;
    const begun = client.connect().then(() => client.rowsWithin(LISTEN_TIMEOUT_MS, text));
    // pg never settles `connect` if the client is ended while it connects.
    await Promise.race([begun, ended]);
    await ended;
  } finally {
    signal.removeEventListener('abort', end);
    end(); // A standby refuses to listen, and keeps the connection open.
    await ended;
  }
}
