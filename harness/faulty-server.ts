import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { type Fault, head } from './faults.ts';
import { portOf } from './port-of.ts';

export interface FaultyServer extends AsyncDisposable {
  url: string;
  /** May be changed: it holds for the connections from then on. */
  fault: Fault;
}

/**
 * Starts a server that has `fault`, on any free port. It acknowledges a void all the same, which
 * order-service repeats until it is acknowledged.
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
 * Takes a port and refuses every connection to it: the port is the near end of a connection that is
 * open already, so nobody listens there and nobody else can get it.
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

/** Answers 200, and names the void. */
function acknowledge(socket: Socket, request: string): void {
  const echoed = (request.match(/^(x-request-id|idempotency-key): .*\r\n/gim) ?? []).join('');
  const [, orderID = ''] = /^POST \/void\?orderID=(\S*)/.exec(request) ?? [];
  socket.end(head('200 OK', 0, `${echoed}x-operation: void ${orderID}\r\n`));
}
