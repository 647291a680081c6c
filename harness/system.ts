import { forEachCalled, type ServiceName, type ShortName, urlVariables } from '../services.ts';
import { type Run, ServiceProcess } from './service-process.ts';

/** The services, wired to each other. */
export interface System extends Readonly<Record<ShortName, ServiceProcess>>, AsyncDisposable {
  all: readonly ServiceProcess[];
}

/** Long enough that no call or shutdown times out on a slow machine; `env` may shorten them. */
const LONG_TIMEOUTS = { CALL_TIMEOUT_MS: '60000', SHUTDOWN_TIMEOUT_MS: '60000' };

/** Starts the services on free ports, with `env` for all of them. */
export async function startSystem(
  env: Record<string, string> = {},
  run: Run = {},
): Promise<System> {
  const start = (name: ServiceName, urls: Record<string, string> = {}) =>
    ServiceProcess.start(name, { ...urls, ...LONG_TIMEOUTS, ...env }, run);
  const called = await forEachCalled((name) => start(`${name}-service`));
  const order = await start('order-service', urlVariables(called));
  const all = [order, ...Object.values(called)];
  return {
    order,
    ...called,
    all,
    async [Symbol.asyncDispose]() {
      await Promise.all(all.map((service) => service[Symbol.asyncDispose]()));
    },
  };
}
