import { once } from 'node:events';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls, TLSSocket } from 'node:tls';
import type { Connection } from './connection.ts';

/** The codes of CancelRequest and SSLRequest: 1234 and 5678, 1234 and 5679. */
const CANCEL = 80_877_102;
const SSL = 80_877_103;

/**
 * Asks the server to cancel the statement of `client`. The request carries the key of that session and goes to the
 * address that the client is connected to, so no other session or server can take it for its own. Resolves when
 * the server has closed the connection of the request, after it has passed the cancel on.
 *
 * @throws If the server cannot be reached, or has not closed the connection after `timeoutMs` milliseconds.
 * https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-CANCELING-REQUESTS
 */
export async function requestCancel(client: Connection, timeoutMs: number): Promise<void> {
  const socket = dial(client);
  const timer = setTimeout(() => socket.destroy(new Error('timeout expired')), timeoutMs);
  try {
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    await once(socket, 'connect');
    const stream = isEncrypted(client) ? await encrypt(socket, client) : socket;
    stream.on('error', () => {}).resume();
    stream.write(firstMessage(CANCEL, client.processID ?? 0, client.secretKey ?? 0));
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
  // Not by its name, which may resolve to another server by now.
  const { remoteAddress, remotePort } = client.connection.stream as Socket;
  if (!remoteAddress || !remotePort) throw new Error('the connection has ended');
  return connect({ host: remoteAddress, port: remotePort, noDelay: true });
}

function isEncrypted(client: Connection): boolean {
  return client.connection.stream instanceof TLSSocket;
}

/** Encrypts the request as pg encrypts its connection, so that the key stays secret. */
async function encrypt(socket: Socket, client: Connection): Promise<TLSSocket> {
  const { host, ssl, sslNegotiation } = client as unknown as {
    host: string;
    ssl: true | { key?: string };
    sslNegotiation: string;
  };
  const isDirect = sslNegotiation === 'direct';
  if (!isDirect) {
    socket.write(firstMessage(SSL));
    const [answer] = await once(socket, 'data');
    if (String(answer) !== 'S') throw new Error('the server does not encrypt');
  }
  const tls = connectTls({
    host,
    ...(isIP(host) === 0 && { servername: host }),
    ...(isDirect && { ALPNProtocols: ['postgresql'] }),
    ...(ssl !== true && { ...ssl, key: ssl.key }), // pg makes the key non-enumerable: a spread leaves it out.
    socket,
  });
  await once(tls, 'secureConnect');
  return tls;
}

/** The first message of a connection has a length, but no type. */
function firstMessage(...words: number[]): Buffer {
  const bytes = Buffer.alloc(4 * (words.length + 1));
  bytes.writeInt32BE(bytes.length);
  for (const [index, word] of words.entries()) bytes.writeInt32BE(word, 4 * (index + 1));
  return bytes;
}
