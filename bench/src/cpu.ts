import { readFileSync } from 'node:fs';
import type { Postgres } from '../../harness/postgres.ts';
import { childrenOf } from '../../harness/process-table.ts';
import type { ServiceName } from '../../services.ts';
import { byService, type Services } from './services.ts';

const TICK_US = 10_000;

/** Processor time so far in microseconds, by process. */
export type CpuUs = Record<ServiceName | 'PostgreSQL', number>;

/** The processor time that each service and PostgreSQL have used so far. */
export async function cpuUs({ all }: Services, postgres: Postgres | undefined): Promise<CpuUs> {
  const [postgresUs, ...servicesUs] = await Promise.all([
    postgres ? cpuUsOf(postgres.pid) : 0,
    ...all.map((service) => service.cpuUs()),
  ]);
  return { ...byService((_name, index) => servicesUs[index] ?? 0), PostgreSQL: postgresUs };
}

/** The processor time of a server and its child processes, also ended ones, according to Linux. */
async function cpuUsOf(server: number): Promise<number> {
  const ticks = (pid: number, fields: number) => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return stat.slice(11, 11 + fields).reduce((sum, each) => sum + Number(each), 0);
  };
  const children = await childrenOf(server);
  const all = children.reduce((sum, pid) => sum + ticks(pid, 2), ticks(server, 4));
  return all * TICK_US;
}
