import { once } from 'node:events';
import { GracefulShutdown } from 'request-scope';
import { listenError } from '../../chassis/src/address.ts';
import { portOf } from '../../harness/network.ts';
import { History } from './history.ts';
import { createPageServer } from './page-server.ts';
import { type SideName, startSide } from './side.ts';

/**
 * Starts the sides and their page, on `port` of 127.0.0.1 (0 for any). Calls `onUnexpectedExit` when a service ends
 * that was not asked to.
 * @throws {Error} if the port is in use.
 */
export async function startLive(
  port: number,
  names: readonly SideName[],
  onUnexpectedExit: (message: string) => void,
) {
  const history = new History();
  const shutdown = new GracefulShutdown();
  const starts = names.map((name) => startSide(name, history.publish, onUnexpectedExit));
  const close = async () => {
    await shutdown.drain(0);
    for (const start of await Promise.allSettled(starts))
      if (start.status === 'fulfilled') await start.value[Symbol.asyncDispose]();
  };
  const failed = (error: unknown) => close().then(() => Promise.reject(error));
  const sides = await Promise.all(starts).catch(failed);
  const server = createPageServer(sides, history, shutdown);
  const listening = once(server.listen(port, '127.0.0.1'), 'listening');
  await listening.catch((error) => failed(new Error(listenError(error, 'LIVE_PORT'))));
  return { url: `http://localhost:${portOf(server)}`, [Symbol.asyncDispose]: close };
}
