import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** A connection to which any bytes can be written. */
export interface RawConnection {
  socket: Socket;
  /** All that came, once the connection has closed, however it did. */
  received: Promise<string>;
}

/** Connects to `port` and writes `bytes`; resolves once connected. */
export async function openRaw(port: number, bytes: string | Buffer): Promise<RawConnection> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const received = receive(socket);
  await once(socket, 'connect');
  socket.write(bytes);
  return { socket, received };
}

/** All that `port` answers to `bytes` before it closes the connection. */
export async function sendRaw(port: number, bytes: string | Buffer): Promise<string> {
  const { received } = await openRaw(port, bytes);
  return received;
}

/** The status of an answer as it came. */
export function statusOf(received: string): number {
  return Number(/^HTTP\/1\.1 (\d{3}) /.exec(received)?.[1]);
}

function receive(socket: Socket): Promise<string> {
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
  });
  return new Promise((resolve) => socket.on('error', () => {}).once('close', () => resolve(text)));
}
