import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { portOf } from './port-of.ts';

/** A round robin before the replicas of a service: each connection goes to the next one that takes it. */
export interface Balancer extends AsyncDisposable {
  url: string;
  /** Where the replicas listen. */
  ports: number[];
  /** Whether the end of a service is kept from its clients, as when its host is gone. */
  isSilent: boolean;
}

/** Starts a round robin; `ports` is to be set before the first connection. */
export async function startBalancer(): Promise<Balancer> {
  const ends = new Set<Socket>();
  let turn = 0;
  const follow = (end: Socket, onClose: () => void) => {
    ends.add(end);
    end
      .on('error', () => {})
      .once('close', () => {
        ends.delete(end);
        onClose();
      });
  };
  const join = (client: Socket, triesLeft: number) => {
    turn += 1;
    const port = balancer.ports[turn % balancer.ports.length] ?? 0;
    const service = connect(port, '127.0.0.1');
    let isConnected = false;
    service.once('connect', () => {
      isConnected = true;
      client.pipe(service);
      service.pipe(client, { end: false });
    });
    follow(service, () => {
      client.unpipe(service);
      if (!isConnected && triesLeft > 0 && !client.destroyed) join(client, triesLeft - 1);
      else if (!balancer.isSilent) client.destroy();
    });
    client.once('close', () => service.destroy());
  };
  const server = createServer((client) => {
    follow(client, () => {});
    join(client, balancer.ports.length - 1);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const balancer: Balancer = {
    url: `http://127.0.0.1:${portOf(server)}`,
    ports: [],
    isSilent: false,
    async [Symbol.asyncDispose]() {
      for (const end of ends) end.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return balancer;
}
