import { once } from 'node:events';
import { Agent, createServer, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { ClientDisconnected, GracefulShutdown } from '../src/index.ts';
import { aborted } from './event-loop.ts';
import { type Arrival, arrivalsOf } from './probe.ts';

const LONG_MS = 60_000;

/** TLS by a key that both sides know: no certificate is needed, and none can expire. */
const KEY = Buffer.alloc(16, 'k');
const TLS = { ciphers: 'PSK+AES256', maxVersion: 'TLSv1.2' } as const;

async function startHttps(shutdown: GracefulShutdown) {
  const server = createServer({ ...TLS, pskCallback: () => KEY });
  const next = arrivalsOf(server, shutdown);
  shutdown.attach(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const agent = new Agent({ keepAlive: true });
  const psk = { pskCallback: () => ({ identity: 'test', psk: KEY }) };
  const own = { checkServerIdentity: () => undefined };
  return {
    next,
    get() {
      const client = request({ ...TLS, ...psk, ...own, host: '127.0.0.1', port, agent });
      client.on('error', () => {}).end();
      return client;
    },
    async [Symbol.asyncDispose]() {
      agent.destroy();
      server.closeAllConnections();
      if (server.listening) server.close();
    },
  };
}

test('a hang-up is seen', async () => {
  await using probe = await startHttps(new GracefulShutdown());
  const client = probe.get();
  const { scope } = await probe.next();
  client.destroy();
  expect(await aborted(scope.signal)).toBeInstanceOf(ClientDisconnected);
  scope[Symbol.dispose]();
});

test('a drain waits for the answer, and closes a connection that is idle', async () => {
  const shutdown = new GracefulShutdown();
  await using probe = await startHttps(shutdown);
  const answer = async (client: ReturnType<typeof probe.get>, arrival: Arrival) => {
    const answered = once(client, 'response');
    arrival.res.end('in time');
    arrival.scope[Symbol.dispose]();
    const [response] = await answered;
    await once(response.resume(), 'end');
    return response;
  };
  const idle = probe.get();
  const busy = probe.get();
  await answer(idle, await probe.next());
  const arrival = await probe.next();
  const drained = shutdown.drain(LONG_MS);
  expect((await answer(busy, arrival)).headers.connection).toBe('close');
  await drained;
});
