import { setTimeout as sleep } from 'node:timers/promises';
import { send } from '../../harness/clients.ts';
import {
  CALLED,
  type CalledName,
  NO_WORK,
  SERVICE_NAMES,
  type ServiceName,
  urlVariables,
} from '../../services.ts';
import { inTime } from './in-time.ts';
import { MeasuredProcess } from './measured-process.ts';

/** Calls `make` for each service; returns the results by name. */
export function byService<Made>(
  make: (name: ServiceName, index: number) => Made,
): Record<ServiceName, Made> {
  const made = SERVICE_NAMES.map((name, index) => [name, make(name, index)]);
  return Object.fromEntries(made) as Record<ServiceName, Made>;
}

/** PostgreSQL's settings in production: a commit is on the disk. */
export const DURABLE = { fsync: 'on', synchronous_commit: 'on' };

/** One process of each service; the order service calls the others. `all` are in the order of SERVICE_NAMES. */
export type Services = Awaited<ReturnType<typeof startServices>>;

/** Starts one process of each service, with `env` for all of them; resolves once they are healthy. */
export async function startServices(env: Record<string, string> = {}) {
  const started: MeasuredProcess[] = [];
  const end = async () => {
    for (const service of started) await service[Symbol.asyncDispose]();
  };
  const start = async (name: string, more: Record<string, string> = {}) => {
    const service = await MeasuredProcess.start(`${name}/src/server`, '', { ...env, ...more });
    started.push(service);
    return service;
  };
  try {
    const called = {} as Record<CalledName, MeasuredProcess>;
    for (const name of CALLED) called[name] = await start(`${name}-service`, NO_WORK);
    const order = await start('order-service', urlVariables(called));
    const all = [order, ...CALLED.map((name) => called[name])];
    for (const { url } of all) await untilHealthy(url);
    return { order, ...called, all, [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  }
}

/** Resolves once the service at `url` has found its database, if it has one. */
async function untilHealthy(url: string): Promise<void> {
  while ((await inTime('health', send(`${url}/health`).answer)).status !== 200) await sleep(50);
}
