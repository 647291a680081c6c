import { once } from 'node:events';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls, TLSSocket } from 'node:tls';
import type { Connection } from './connection.ts';

/** The codes of the two requests that are no startup: "1234" and "5678", "1234" and "5679". */
const CANCEL = 80_877_102;
const SSL = 80_877_103;

/**
 * Asks the very server that `client` is connected to, and by the key of that session, to cancel its
 * statement: no other server has that key, and none other is asked. Resolves when the server has closed
 * the connection that this takes, after it has passed the cancel on. Rejects where it could not be asked,
 * or has not closed it after `timeoutMs` milliseconds.
 * https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-CANCELING-REQUESTS
 */
export async function requestCancel(client: Connection, timeoutMs: number): Promise<void> {
  const socket = dial(client);
  const timer = setTimeout(() => socket.destroy(new Error('timeout expired')), timeoutMs);
  try {
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    await once(socket, 'connect');
    const stream = isEncrypted(client) ? await encrypted(socket, client) : socket;
    stream.on('error', () => {}).resume();
    stream.write(message(CANCEL, client.processID ?? 0, client.secretKey ?? 0));
    await closed;
    if (socket.errored) throw socket.errored;
  } finally {
    clearTimeout(timer);
    socket.on('error', () => {}).destroy();
  }
}

function dial(client: Connection): Socket {
  const { host, port } = client;
  if (host.startsWith('/')) return connect(`${host}/.s.PGSQL.${port}`);
  // Not by its name, which may lead elsewhere by now.
  const { remoteAddress, remotePort } = client.connection.stream as Socket;
  if (!remoteAddress || !remotePort) throw new Error('the connection has ended');
  return connect({ host: remoteAddress, port: remotePort, noDelay: true });
}

function isEncrypted(client: Connection): boolean {
  return client.connection.stream instanceof TLSSocket;
}

/** As pg does it, so that the key is as secret as it was. */
async function encrypted(socket: Socket, client: Connection): Promise<TLSSocket> {
  const { host, ssl, sslNegotiation } = client as unknown as {
    host: string;
    ssl: true | { key?: string };
    sslNegotiation: string;
  };
  const isDirect = sslNegotiation === 'direct';
  if (!isDirect) {
    socket.write(message(SSL));
    const [answer] = await once(socket, 'data');
    if (String(answer) !== 'S') throw new Error('the server does not encrypt');
  }
  const tls = connectTls({
    host,
    ...(isIP(host) === 0 && { servername: host }),
    ...(isDirect && { ALPNProtocols: ['postgresql'] }),
    ...(ssl !== true && { ...ssl, key: ssl.key }), // The key is hidden, and not copied.
    socket,
  });
  await once(tls, 'secureConnect');
  return tls;
}

/** A message has a length, and no type where it is the first one. */
function message(...words: number[]): Buffer {
  const bytes = Buffer.alloc(4 * (words.length + 1));
  bytes.writeInt32BE(bytes.length);
  for (const [index, word] of words.entries()) bytes.writeInt32BE(word, 4 * (index + 1));
  return bytes;
}
