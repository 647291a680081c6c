import { createServer, get } from 'node:http';
import { requestScopes, scopeOf } from '../src/express.ts';
import { GracefulShutdown } from '../src/index.ts';

// Drains right after its only client has hung up, when nothing else keeps the process.

const shutdown = new GracefulShutdown();
shutdown.afterRequests(async () => void process.stdout.write('hook\n'), 1_000);
const scopes = requestScopes(shutdown);
const server = createServer((req, res) =>
  scopes(req, res, () => {
    scopeOf(res).signal.addEventListener('abort', async () => {
      await shutdown.drain(60_000);
      process.stdout.write('drained\n');
    });
    client.destroy();
  }),
);
shutdown.attach(server);
const listening = server.listen(0, '127.0.0.1');
await new Promise((resolve) => listening.once('listening', resolve));
const address = server.address();
const port = typeof address === 'object' && address ? address.port : 0;
const client = get({ host: '127.0.0.1', port, agent: false }).on('error', () => {});
