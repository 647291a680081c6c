import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { portOf } from './port-of.ts';

/**
 * What a faulty server does with a connection, once the first bytes of a request are there. A void it
 * acknowledges: those are repeated until somebody does.
 */
export type Fault = (socket: Socket) => void;

export interface FaultyServer extends AsyncDisposable {
  url: string;
  /** May be changed: it holds for the connections from then on. */
  fault: Fault;
}

/** Starts a server that has `fault`, on any free port unless `port` says which. */
export async function startFaulty(fault: Fault, port = 0): Promise<FaultyServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).once('close', () => sockets.delete(socket));
    socket.once('data', (request) => {
      if (request.toString().startsWith('POST /void')) acknowledge(socket, request.toString());
      else faulty.fault(socket);
    });
  });
  await once(server.listen(port, '127.0.0.1'), 'listening');
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

/** Answers 200, and names the attempt. */
function acknowledge(socket: Socket, request: string): void {
  const echoed = (request.match(/^(x-request-id|idempotency-key): .*\r\n/gim) ?? []).join('');
  socket.end(head('200 OK', 0, echoed));
}

/** If `file` is what was run: serves its fault on the port named on the command line. */
export async function standAlone(
  file: string,
  start: (port: number) => Promise<{ url: string }>,
): Promise<void> {
  if (fileURLToPath(file) !== process.argv[1]) return;
  const { url } = await start(Number(process.argv[2] ?? 0));
  process.stdout.write(`${url}\n`);
}

/** The start of an answer that promises `length` bytes of body. */
export function head(status: string, length: number, headers = ''): string {
  return `HTTP/1.1 ${status}\r\n${headers}Content-Length: ${length}\r\nConnection: close\r\n\r\n`;
}

/** Writes `chunk` without end, as fast as the other side reads. */
export function flood(socket: Socket, chunk: string): void {
  const pour = () => {
    while (!socket.destroyed && socket.write(chunk));
  };
  socket.on('drain', pour);
  pour();
}
