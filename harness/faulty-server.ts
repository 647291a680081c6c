import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { portOf } from './network.ts';

/** What a faulty server does with a connection once the first bytes of a request have arrived. */
export type Fault = (socket: Socket) => void;

const DRIP_INTERVAL_MS = 20;

export const reset: Fault = (socket) => {
  socket.resetAndDestroy();
};

export const closeWithoutAnswer: Fault = (socket) => {
  socket.end();
};

export const neverAnswer: Fault = () => {};

/** Sends the headers and a part of the body, then closes the connection. */
export const halfAnswerThenClose: Fault = (socket) => {
  socket.end(`${head('200 OK', 100)}Product 12`);
};

/** Sends the headers and a part of the body, then resets the connection. */
export const halfAnswerThenReset: Fault = (socket) => {
  socket.write(`${head('200 OK', 100)}Product 12`, () => socket.resetAndDestroy());
};

export const stallAfterHeaders: Fault = (socket) => {
  socket.write(head('200 OK', 100));
};

/** Sends the headers, then one byte of the body every 20 ms without end. */
export const drip: Fault = (socket) => {
  socket.write(head('200 OK', 1_000_000));
  dripInto(socket);
};

/** Sends one byte of the headers every 20 ms without end. */
export const dripHeaders: Fault = (socket) => {
  socket.write('HTTP/1.1 200 OK\r\nX-Drip: ');
  dripInto(socket);
};

/** Sends a body without end, as fast as it is read. */
export const floodBody: Fault = (socket) => {
  socket.write('HTTP/1.1 200 OK\r\n\r\n');
  flood(socket, 'Product 1234 is available'.repeat(1_000));
};

/** Sends headers without end, as fast as they are read. */
export const floodHeaders: Fault = (socket) => {
  socket.write('HTTP/1.1 200 OK\r\n');
  flood(socket, 'X-Flood: more of the same\r\n'.repeat(1_000));
};

/** Sends informational answers without end, and never the final one. */
export const floodHints: Fault = (socket) => {
  flood(socket, 'HTTP/1.1 103 Early Hints\r\nLink: </more>\r\n\r\n'.repeat(1_000));
};

export const answerInAnotherProtocol: Fault = (socket) => {
  socket.end('SSH-2.0-OpenSSH_9.2\r\n');
};

/** Answers 200 with a body that belongs to another request. */
export const answerWrongBody: Fault = (socket) => {
  const body = '<html>Welcome to the guest network</html>';
  socket.end(head('200 OK', body.length) + body);
};

/** Redirects to itself without end. */
export const redirect: Fault = (socket) => {
  socket.end(head('302 Found', 0, 'Location: /again\r\n'));
};

/** Answers every request with `status` at once. */
export function answerStatus(status: number): Fault {
  return (socket) => socket.end(head(`${status} Because`, 0));
}

export interface FaultyServer extends AsyncDisposable {
  url: string;
  /** May be changed at any time; applies to new connections. */
  fault: Fault;
}

/**
 * Starts a server with `fault` on a free port. It still acknowledges voids, because order-service repeats them
 * until they are acknowledged.
 */
export async function startFaulty(fault: Fault): Promise<FaultyServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).once('close', () => sockets.delete(socket));
    socket.once('data', (request) => {
      if (request.toString().startsWith('POST /void')) acknowledge(socket, request.toString());
      else faulty.fault(socket);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const faulty: FaultyServer = {
    fault,
    url: `http://127.0.0.1:${portOf(server)}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return faulty;
}

/**
 * Occupies a port on which every connection is refused: it is the local port of an open connection, so no process
 * listens on it and none can.
 */
export async function startRefusing(): Promise<{ url: string } & AsyncDisposable> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const holder = connect({
    host: '127.0.0.1',
    port: portOf(server),
    localAddress: '127.0.0.1',
  });
  await once(holder, 'connect');
  return {
    url: `http://127.0.0.1:${holder.localPort}`,
    async [Symbol.asyncDispose]() {
      holder.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Acknowledges the void that `request` asks for. */
function acknowledge(socket: Socket, request: string): void {
  const echoed = (request.match(/^(x-request-id|idempotency-key): .*\r\n/gim) ?? []).join('');
  const [, orderID = ''] = /^POST \/void\?orderID=(\S*)/.exec(request) ?? [];
  socket.end(head('200 OK', 0, `${echoed}x-operation: void ${orderID}\r\n`));
}

/** The head of an answer that promises `length` bytes of body. */
function head(status: string, length: number, headers = ''): string {
  return `HTTP/1.1 ${status}\r\n${headers}Content-Length: ${length}\r\nConnection: close\r\n\r\n`;
}

function dripInto(socket: Socket): void {
  const timer = setInterval(() => socket.write('.'), DRIP_INTERVAL_MS);
  socket.once('close', () => clearInterval(timer));
}

/** Writes `chunk` without end, as fast as the other side reads. */
function flood(socket: Socket, chunk: string): void {
  const pour = () => {
    while (!socket.destroyed && socket.write(chunk));
  };
  socket.on('drain', pour);
  pour();
}
