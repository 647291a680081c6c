import { once } from 'node:events';
import { connect as connectHttp2, createServer as createHttp2 } from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { GracefulShutdown } from '../src/index.ts';
import { arrivalsOf } from './probe.ts';

/** A server of HTTP/2, a client of it, and the requests that arrive. */
export async function startHttp2(shutdown?: GracefulShutdown, maxConnectionAgeMs?: number) {
  const server = createHttp2();
  const next = arrivalsOf(server, shutdown);
  shutdown?.attach(server, maxConnectionAgeMs);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const client = connectHttp2(`http://127.0.0.1:${port}`);
  return {
    next,
    client,
    get: (headers = {}) => client.request({ ':path': '/', ...headers }),
    async [Symbol.asyncDispose]() {
      client.destroy();
      if (server.listening) server.close();
    },
  };
}
