import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest, type IncomingHttpHeaders, type RequestOptions } from 'node:http';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { tether } from './tether.ts';

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  /** Without the final line break. */
  body: string;
}

/** A request in flight. */
export interface Pending {
  requestId: string;
  /** Rejects if the connection closes before the answer is complete. */
  answer: Promise<Answer>;
  hangUp: () => void;
}

/** Sends a request on a new connection, or through `options.agent`. */
export function send(url: string, options: RequestOptions = {}, body?: Buffer): Pending {
  const requestId = randomUUID();
  const headers = { 'x-request-id': requestId, ...options.headers };
  const request = httpRequest(url, { agent: false, ...options, headers });
  const answer = new Promise<Answer>((resolve, reject) => {
    request.once('error', reject).once('response', async (response) => {
      try {
        let text = '';
        for await (const chunk of response.setEncoding('utf8')) text += chunk;
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: text.replace(/\n$/, ''),
        });
      } catch (error) {
        reject(error);
      }
    });
  });
  answer.catch(() => {});
  request.end(body);
  return { requestId, answer, hangUp: () => request.destroy() };
}

/** The statuses of an order's payments, as payment-service lists them. */
export async function paymentsOf(orderID: string, paymentUrl: string): Promise<string[]> {
  const { body } = await send(`${paymentUrl}/payments?orderID=${orderID}`).answer;
  return JSON.parse(body).map(({ status }: { status: string }) => status);
}

export interface Curl {
  ended: Promise<{ body: string; code: number | null; signal: NodeJS.Signals | null }>;
  /** Sends SIGINT, as Ctrl+C does. */
  interrupt: () => void;
}

/** Runs the real curl. */
export function curl(...args: string[]): Curl {
  const child = tether(spawn('curl', args, { stdio: ['ignore', 'pipe', 'ignore'] }));
  const ended = Promise.all([text(child.stdout), once(child, 'close')]);
  return {
    ended: ended.then(([body, [code, signal]]) => ({ body, code, signal })),
    interrupt: () => child.kill('SIGINT'),
  };
}

/** A connection that takes any bytes. */
export interface RawConnection {
  socket: Socket;
  /** Everything received, once the connection has closed for any reason. */
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

/** Sends `bytes` to `port`; resolves with everything received until the connection closes. */
export async function sendRaw(port: number, bytes: string | Buffer): Promise<string> {
  const { received } = await openRaw(port, bytes);
  return received;
}

/** The status of a raw answer. */
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
