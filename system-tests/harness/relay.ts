import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A network that can be made slow: bytes pass at once, or, on the way back, not until `release`. */
export interface Relay extends AsyncDisposable {
  url: string;
  /** Where the service listens: to be set before the first connection. */
  port: number;
  /** From now on, keeps every byte that the service answers with. */
  hold: () => void;
  release: () => void;
}

/** Starts a relay in front of a service. */
export async function startRelay(): Promise<Relay> {
  const links = new Set<Socket>();
  let holding = false;
  const server = createServer((client) => {
    const service = connect(relay.port, '127.0.0.1');
    links.add(service);
    if (holding) service.pause();
    client.on('data', (bytes) => service.write(bytes));
    service.on('data', (bytes) => client.write(bytes));
    client.on('error', () => {}).once('close', () => service.destroy());
    service
      .on('error', () => {})
      .once('close', () => {
        links.delete(service);
        client.destroy();
      });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  const relay: Relay = {
    port: 0,
    url: `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`,
    hold() {
      holding = true;
      for (const service of links) service.pause();
    },
    release() {
      holding = false;
      for (const service of links) service.resume();
    },
    async [Symbol.asyncDispose]() {
      for (const service of links) service.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return relay;
}
