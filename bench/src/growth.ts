import { cpus } from 'node:os';
import type { Postgres } from '../../harness/postgres.ts';
import { type Activity, activityDuring } from './activity.ts';
import { type CpuUs, cpuUs, cpuUsOf, machineCpuUs } from './cpu.ts';
import type { Crowd } from './crowd.ts';
import { byService, SERVICES, type Services } from './services.ts';

/** What was measured with so many replicas and so many orders in flight. */
export interface Growth extends Measured {
  replicas: number;
  inFlight: number;
  /** To the database, for statements. */
  connections: number;
}

/** Shares are of all processor time that the machine has. */
interface Measured extends Activity {
  ordersPerSecond: number;
  /** Per order that succeeded, summed over the replicas. */
  cpuUs: CpuUs;
  /** How many failed for one that succeeded or failed, by what the caller was told. */
  failures: Map<string, number>;
  busy: number;
  busyCallers: number;
  /** Whatever is no part of the measurement. */
  busyOthers: number;
  /** Of one core, the service process that used most. */
  busiestProcess: number;
}

/** Looks on for `durationMs` while the crowd places orders. */
export async function measureGrowth(
  all: readonly Services[],
  crowd: Crowd,
  postgres: Postgres,
  durationMs: number,
): Promise<Measured> {
  const read = async () => {
    const services = await Promise.all(all.map((each) => cpuUs(each, undefined)));
    const postgresUs = await cpuUsOf(postgres.pid);
    // All at once: on a busy machine what comes before takes its time.
    return {
      services,
      postgresUs,
      atUs: performance.now() * 1_000,
      callersUs: callersUs(),
      machineUs: machineCpuUs(),
      succeeded: crowd.succeeded,
      failures: new Map(crowd.failures),
    };
  };
  const before = await read();
  const activity = await activityDuring(postgres.url, durationMs);
  const after = await read();

  const elapsedUs = after.atUs - before.atUs;
  const orders = after.succeeded - before.succeeded;
  const usOf = (name: keyof CpuUs) =>
    after.services.map((us, n) => us[name] - (before.services[n]?.[name] ?? 0));
  const serviceUs = SERVICES.map(usOf);
  const servicesUs = serviceUs.map(sum);
  const postgresUs = after.postgresUs - before.postgresUs;
  const ourUs = sum(servicesUs) + postgresUs;
  const crowdUs = after.callersUs - before.callersUs;
  const machineUs = after.machineUs - before.machineUs;
  const failed = [...after.failures].map(([told, count]): [string, number] => [
    told,
    count - (before.failures.get(told) ?? 0),
  ]);
  const ended = orders + sum(failed.map(([, count]) => count));
  const share = (us: number) => us / elapsedUs / cpus().length;
  return {
    ...activity,
    ordersPerSecond: (orders / elapsedUs) * 1_000_000,
    cpuUs: {
      ...byService((_name, index) => (servicesUs[index] ?? 0) / orders),
      PostgreSQL: postgresUs / orders,
    },
    failures: new Map(failed.map(([told, count]) => [told, count / ended])),
    busy: share(machineUs),
    busyCallers: share(crowdUs),
    busyOthers: Math.max(0, share(machineUs - ourUs - crowdUs)),
    busiestProcess: Math.max(...serviceUs.flat()) / elapsedUs,
  };
}

/** The callers are this process. */
function callersUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, each) => total + each, 0);
