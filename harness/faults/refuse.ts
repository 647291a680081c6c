import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { standAlone } from '../faulty-server.ts';
import { portOf } from '../port-of.ts';

/**
 * Takes a port and refuses every connection to it: the port is the near end of a connection that is
 * open already, so nobody listens there and nobody else can get it.
 */
export async function startRefusing(localPort = 0): Promise<{ url: string } & AsyncDisposable> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const holder = connect({
    host: '127.0.0.1',
    port: portOf(server),
    localPort,
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

await standAlone(import.meta.url, startRefusing);
