import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { type GracefulShutdown, requestScope, type Scope } from '../src/index.ts';
import { settled } from './event-loop.ts';

export interface Arrival {
  req: IncomingMessage;
  res: ServerResponse;
  scope: Scope;
}

/** A queue of what has arrived. */
export function arrivalQueue<Arrived>() {
  const arrivals: Arrived[] = [];
  const arrived = new EventEmitter();
  return {
    push(arrival: Arrived) {
      arrivals.push(arrival);
      arrived.emit('request');
    },
    /** The next request whose handler has begun. */
    async next(): Promise<Arrived> {
      if (arrivals.length === 0) await once(arrived, 'request');
      const arrival = arrivals.shift();
      if (!arrival) throw new Error('two callers wait for one request');
      return arrival;
    },
  };
}

/** The next request of any server, with its scope; the answer is left to the test. */
export function arrivalsOf(server: EventEmitter, shutdown?: GracefulShutdown) {
  const { push, next } = arrivalQueue<Arrival>();
  server.on('request', (req: IncomingMessage, res: ServerResponse) => {
    push({ req, res, scope: requestScope(req, res, { shutdown }) });
  });
  return next;
}

/** A server that opens a scope for each request and leaves the rest to the test. */
export async function startProbe(
  shutdown?: GracefulShutdown,
  { checkContinue = false, maxConnectionAgeMs = Number.POSITIVE_INFINITY } = {},
) {
  const { push, next } = arrivalQueue<Arrival>();
  const accepted: Socket[] = [];
  const listener = async (req: IncomingMessage, res: ServerResponse) => {
    for await (const _ of req.iterator({ destroyOnReturn: false }));
    push({ req, res, scope: requestScope(req, res, { shutdown }) });
  };
  const server = createServer(listener);
  if (checkContinue) {
    server.on('checkContinue', (req, res) => {
      const scope = requestScope(req, res);
      scope[Symbol.dispose]();
      push({ req, res, scope });
    });
  }
  server.on('connection', (socket) => accepted.push(socket));
  shutdown?.attach(server, { maxConnectionAgeMs });
  const listening = await listen(server);

  return {
    ...listening,
    server,
    next,
    /** Resolves once the server has read all that the client has written. */
    async hasRead(client: Socket): Promise<void> {
      const other = () => accepted.find(({ remotePort }) => remotePort === client.localPort);
      while (other()?.bytesRead !== client.bytesWritten) await settled();
    },
  };
}

/** Lets `server` listen, and closes it with all connections in the end. */
export async function listen(server: Server) {
  const clients: Socket[] = [];
  if (!server.listening) await once(server.listen(0), 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return {
    port,
    async connect(text = ''): Promise<Socket> {
      const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
      client.on('error', () => {}).resume();
      clients.push(client);
      await once(client, 'connect');
      client.write(text);
      return client;
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.destroy();
      server.closeAllConnections();
      if (server.listening) await new Promise((resolve) => server.close(resolve));
    },
  };
}

export function get(headers = ''): string {
  return `GET / HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`;
}

export function post(body: string, headers = ''): string {
  return `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n${headers}\r\n${body}`;
}

/** Resolves once `client` has received `text`, and what comes before it, since the last call. */
export function hearing(client: Socket): (text: string) => Promise<void> {
  let heard = '';
  client.on('data', (chunk) => {
    heard += chunk;
  });
  return async (text) => {
    while (!heard.includes(text)) await once(client, 'data');
    heard = '';
  };
}

/** How many bytes `client` receives until the server ends the connection. */
export async function read(client: Socket): Promise<number> {
  let bytes = 0;
  client.on('data', (chunk) => {
    bytes += chunk.length;
  });
  await once(client, 'end');
  return bytes;
}
