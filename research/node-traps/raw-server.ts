import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { GracefulShutdown } from 'request-scope';

export interface Exchange {
  req: IncomingMessage;
  res: ServerResponse;
}

/** A server that leaves each request to the test, and raw clients. Disposal closes all of them. */
export async function startRawServer(shutdown?: GracefulShutdown) {
  const waiting: Exchange[] = [];
  const arrived = new EventEmitter();
  const clients: Socket[] = [];
  const server = createServer((req, res) => {
    waiting.push({ req, res });
    arrived.emit('request');
  });
  shutdown?.attach(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;

  return {
    server,
    /** Resolves once the server has accepted the client. The client reads nothing before `resume()`. */
    async connect(text = ''): Promise<Socket> {
      const accepted = once(server, 'connection');
      const client = connect({ port, host: '127.0.0.1' });
      client.on('error', () => {});
      clients.push(client);
      await Promise.all([once(client, 'connect'), accepted]);
      client.write(text);
      return client;
    },
    /** The next request, in the order of arrival. */
    async next(): Promise<Exchange> {
      if (waiting.length === 0) await once(arrived, 'request');
      const exchange = waiting.shift();
      if (!exchange) throw new Error('two callers are waiting for one request');
      return exchange;
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.destroy();
      server.closeAllConnections();
      if (server.listening) await new Promise((resolve) => server.close(resolve));
    },
  };
}

export const GET = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n';

export const LAST_GET = 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';

export function post(bytes: number): string {
  const head = `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${bytes}`;
  return `${head}\r\n\r\n${'x'.repeat(bytes)}`;
}

/** Resolves once the server has seen this connection close and has run its listeners. */
export async function closed({ socket }: IncomingMessage): Promise<void> {
  if (!socket.closed) await once(socket, 'close');
  await settled();
}

/** Resolves after a few turns of the event loop, which pending socket events need. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
