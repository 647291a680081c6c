import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** Reserves ports for servers that cannot choose a free one themselves; `release` frees them. */
export async function reservePorts(howMany: number) {
  const servers = Array.from({ length: howMany }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const release = () =>
    Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return { ports: servers.map(portOf), release };
}

/** The port on which `server` listens. */
export function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}

/**
 * A network in front of a service. While it is cut, neither bytes nor a hang-up pass. While it holds answers,
 * nothing that the service sends passes.
 */
export interface Relay extends AsyncDisposable {
  url: string;
  /** The service's port; must be set before the first connection. */
  port: number;
  cut: () => void;
  holdAnswers: () => void;
  heal: () => void;
}

/** Starts a relay in front of a service. */
export async function startRelay(): Promise<Relay> {
  const ends = new Set<Socket>();
  const waiting: (() => void)[] = [];
  let isCut = false;
  let holdsAnswers = false;
  const link = (from: Socket, to: Socket, isHeld: () => boolean) => {
    const pass = (action: () => void) => (isHeld() ? waiting.push(action) : action());
    ends.add(from);
    from.on('data', (bytes) => pass(() => to.write(bytes))).on('error', () => {});
    from.once('close', () => {
      ends.delete(from);
      pass(() => to.destroy());
    });
  };
  const server = createServer((client) => {
    const service = connect(relay.port, '127.0.0.1');
    link(client, service, () => isCut);
    link(service, client, () => isCut || holdsAnswers);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const relay: Relay = {
    url: `http://127.0.0.1:${portOf(server)}`,
    port: 0,
    cut() {
      isCut = true;
    },
    holdAnswers() {
      holdsAnswers = true;
    },
    heal() {
      isCut = false;
      holdsAnswers = false;
      for (const action of waiting.splice(0)) action();
    },
    async [Symbol.asyncDispose]() {
      for (const end of ends) end.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return relay;
}
