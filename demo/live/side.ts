import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { portOf, startRelay } from '../../harness/network.ts';
import { ServiceProcess } from '../../harness/service-process.ts';
import { ROOT } from '../../processes/repository.ts';
import { CALLED, type CalledName, type ServiceName, variableOf } from '../../services.ts';
import { createDoor } from './clients.ts';
import type { LiveEvent, Publish } from './history.ts';

/** The services written the usual way, or this repository's. */
export type SideName = 'usual' | 'ours';

/** The part of a side that the page's server uses. */
export type Side = Pick<
  Awaited<ReturnType<typeof startSide>>,
  'name' | 'orderUrl' | 'doorUrl' | 'state' | 'cut' | 'heal' | 'restartOrder'
>;

/** The path, without `.ts`, of a side's program for a service. */
export const PROGRAMS: Record<SideName, (service: ServiceName) => string> = {
  usual: (service) => `demo/as-usual/${service}`,
  ours: (service) => `${service}/src/server`,
};

/**
 * Starts the services on free ports, with a network between order-service and payment-service. Publishes their log
 * lines and the requests that reach them. Calls `onUnexpectedExit` when one ends that was not asked to.
 */
export async function startSide(
  name: SideName,
  publish: Publish,
  onUnexpectedExit: (message: string) => void,
) {
  const network = await startRelay();
  const parts: AsyncDisposable[] = [network];
  let isClosing = false;
  /** Why order-service is away, if it is. */
  let away: 'stopping' | 'starting' | undefined;
  let isCut = false;
  const report = (msg: string, more: Partial<LiveEvent> = {}) =>
    publish({ side: name, time: Date.now(), service: 'operator', msg, ...more });

  const launch = (service: ServiceName, env: Record<string, string> = {}) => {
    const process = new ServiceProcess(service, env, { program: PROGRAMS[name](service) });
    parts.push(process);
    process.follow((line) => publish({ ...line, side: name, service }));
    process.followArrivals((arrival) =>
      publish({ side: name, service, ...arrival, msg: `Request arrived: ${arrival.path}` }),
    );
    process.followExchanges((exchange) =>
      publish({ side: name, service, time: Date.now(), msg: 'On the wire', ...exchange }, 'wire'),
    );
    process.exited.then(() => {
      const isExpected = isClosing || (away === 'stopping' && process === order);
      if (!isExpected)
        onUnexpectedExit(`${service} (${name}) has ended by itself ${process.stderr}`.trim());
    });
    return process;
  };
  const close = async () => {
    isClosing = true;
    await Promise.all(parts.map((part) => part[Symbol.asyncDispose]()));
  };

  // The usual side may have fewer services.
  const isThere = (called: CalledName) =>
    existsSync(join(ROOT, `${PROGRAMS[name](`${called}-service`)}.ts`));
  const called = CALLED.filter(isThere).map((name) => [name, launch(`${name}-service`)] as const);
  const failed = (error: unknown) => close().then(() => Promise.reject(error));
  await Promise.all(called.map(([, process]) => process.listening())).catch(failed);
  const urls: Record<string, string> = { PAYMENT_URL: network.url };
  for (const [name, process] of called) {
    if (name === 'payment') network.port = process.port;
    else urls[variableOf(name, 'URL')] = process.url;
  }
  let order = launch('order-service', urls);
  await order.listening().catch(failed);
  const { url: orderUrl, port } = order;
  const door = createDoor({ name, orderUrl }, publish);
  await once(door.listen(0, '127.0.0.1'), 'listening');
  parts.push({
    async [Symbol.asyncDispose]() {
      door.closeAllConnections();
      await once(door.close(), 'close');
    },
  });

  return {
    name,
    orderUrl,
    /** Where clients other than the page place their orders. */
    doorUrl: `http://localhost:${portOf(door)}`,
    state: () => ({ isCut, isRestarting: away !== undefined }),
    cut() {
      if (isCut) return;
      isCut = true;
      network.cut();
      report('network cut', { isCut });
    },
    heal() {
      if (!isCut) return;
      isCut = false;
      network.heal();
      report('network restored', { isCut });
    },
    /** Sends SIGTERM, waits until the process has ended, and starts it again on the same port. */
    async restartOrder() {
      if (away) return;
      away = 'stopping';
      report('SIGTERM to order-service', { isRestarting: true });
      order.signal('SIGTERM');
      const { code, signal } = await order.exited;
      const how = signal ? 'was killed at once' : `left with code ${code}`;
      report(`order-service ${how}`, { isOrderGone: true });
      if (isClosing) return;
      order = launch('order-service', { ...urls, PORT: String(port) });
      away = 'starting';
      // If it does not start, `onUnexpectedExit` is called.
      await order.listening().then(
        () => report('order-service is back', { isRestarting: false }),
        () => {},
      );
      away = undefined;
    },
    [Symbol.asyncDispose]: close,
  };
}
