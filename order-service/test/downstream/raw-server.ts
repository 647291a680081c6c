import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { portOf } from '../../../harness/network.ts';

export const OK = 'HTTP/1.1 200 OK\r\n';

/** Handles a request, or a part of one, on its connection. */
export type Behaviour = (socket: Socket, request: string) => void;

/** Sends `text`. */
export const sends =
  (text: string): Behaviour =>
  (socket) =>
    socket.write(text);

/** Sends `text` and closes the connection. */
export const sendsAndCloses =
  (text: string): Behaviour =>
  (socket) =>
    socket.end(text);

const closing: (() => void)[] = [];

/** Closes the servers that the test started. */
export function closeServers(): void {
  for (const close of closing.splice(0)) close();
}

/** Starts a server that handles each request with `behave`. Returns its port and all its connections. */
export async function serve(behave: Behaviour) {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {}).on('data', (data) => behave(socket, data.toString()));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { port: portOf(server), sockets };
}

/** Resolves when each socket is closed, with or without a reset. */
export async function closed(sockets: Socket[]): Promise<void> {
  const close = (socket: Socket) =>
    new Promise<unknown>((resolve) => {
      if (socket.closed) resolve(undefined);
      else socket.once('close', resolve);
    });
  await Promise.all(sockets.map(close));
}
