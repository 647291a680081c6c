import { getEventListeners, once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { Scope } from '@orders/cancellation';
import { Axios, type AxiosAdapter } from 'axios';
import { expect } from 'vitest';
import { portOf } from '../../harness/port-of.ts';
import { callEnded } from '../src/ending.ts';

export const OK = 'HTTP/1.1 200 OK\r\n';
export const MAX_BYTES = 1_000;

export type Behaviour = (socket: Socket, request: string) => void;

const closing: (() => void)[] = [];

/** Closes the servers that the test has started. */
export function closeServers(): void {
  for (const close of closing.splice(0)) close();
}

/** A server that does `behave` with each request; returns its port and the connections it has had. */
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

/** The text of the answer, or how the one table of endings reads the failure. */
export async function outcome(adapter: 'http' | AxiosAdapter, url: string, scope = new Scope()) {
  const { signal } = scope;
  const http = new Axios({
    ...{ adapter, proxy: false, maxRedirects: 0, decompress: false, maxContentLength: MAX_BYTES },
    validateStatus: (status) => status === 200,
  });
  try {
    return (await http.request<string>({ url, signal })).data;
  } catch (error) {
    const ended = callEnded(error, scope, { step: 'Step', service: 'there' });
    return ended instanceof Error ? ended.message : ended;
  } finally {
    scope[Symbol.dispose]();
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  }
}

/** Resolves once each socket is closed, whether in order or by a reset. */
export async function closed(sockets: Socket[]): Promise<void> {
  const close = (socket: Socket) =>
    new Promise<unknown>((resolve) => {
      if (socket.closed) resolve(undefined);
      else socket.once('close', resolve);
    });
  await Promise.all(sockets.map(close));
}
