import { spawn } from 'node:child_process';
import { eachLine } from '../processes/each-line.ts';
import { ROOT } from '../processes/repository.ts';
import { SERVICES as LIST, type ServiceName } from '../services.ts';
import { output } from './command.ts';
import { machineVariables } from './environment.ts';
import type { LogLine } from './service-process.ts';
import { StackLoad } from './stack-load.ts';
import { tether } from './tether.ts';
import { until } from './time.ts';

/** A line of a service's log, with the container that wrote it. */
export interface TaskLine extends LogLine {
  task: string;
}

const NAME = 'orders-test';
const FOLDER = 'system-tests/swarm/';
const OVERRIDE = 'stack.yml';
export const SERVICES = LIST.map(({ name }): ServiceName => `${name}-service`);
type Part = ServiceName | 'postgres';

/** A new task takes a while, and every check starts a process. */
const CONVERGES = { intervalMs: 2_000, boundMs: 180_000 };

/** deploy/stack.yml on an engine in Swarm mode, under a separate name. */
export class SwarmStack {
  /** Builds the images as `tag` and deploys them with deploy/up. Rejects if the deployment is rolled back. */
  async deploy(tag: string, ...overrides: string[]): Promise<void> {
    const files = [OVERRIDE, ...overrides].map((file) => `--compose-file=${FOLDER}${file}`);
    const options = ['--resolve-image=never', ...files];
    await script('up', options, { TAG: tag });
  }

  /** Resolves once each service runs exactly `replicas` replicas. */
  async scale(replicas: number): Promise<void> {
    const wanted = SERVICES.map((service) => `${NAME}_${service}=${replicas}`);
    await output(['docker', 'service', 'scale', '--detach', ...wanted]);
    await this.converged(replicas);
  }

  /** Resolves once exactly `replicas` containers of each service run, all of them healthy. */
  async converged(replicas: number): Promise<void> {
    const format = '{{.Label "com.docker.swarm.service.name"}} {{.Status}}';
    await until(
      `${replicas} of each service`,
      async () => {
        const all = (await output(['docker', 'ps', '--format', format])).split('\n');
        const areThere = SERVICES.every((service) => {
          const own = all.filter((line) => line.startsWith(`${NAME}_${service} `));
          return own.length === replicas && own.every((line) => line.endsWith('(healthy)'));
        });
        return areThere || undefined;
      },
      CONVERGES,
    );
  }

  /** The running containers of a service; with `--all`, also the ended ones. */
  async containers(part: Part, ...options: string[]): Promise<string[]> {
    const label = `--filter=label=com.docker.swarm.service.name=${NAME}_${part}`;
    const ids = await output(['docker', 'ps', '--quiet', ...options, label]);
    return ids ? ids.split('\n') : [];
  }

  /** The lines that the services, also ended ones, have logged since a Unix time in milliseconds. */
  async lines(since: number): Promise<TaskLine[]> {
    const all = await Promise.all(SERVICES.map((service) => this.containers(service, '--all')));
    return linesSince(all.flat(), since);
  }

  /** The lines that the running containers log during `work`: Docker removes the log of a replica that is scaled away. */
  async linesDuring(work: () => Promise<void>): Promise<TaskLine[]> {
    const all = await Promise.all(SERVICES.map((service) => this.containers(service)));
    return linesDuring(all.flat(), work);
  }

  /** Kills one container of a service with SIGKILL. */
  async kill(part: Part): Promise<void> {
    const [id = ''] = await this.containers(part);
    await output(['docker', 'kill', '--signal', 'KILL', id]);
  }

  /** Stops the database; Swarm starts it again. */
  async stopPostgres(): Promise<void> {
    const [id = ''] = await this.containers('postgres');
    await output(['docker', 'stop', id]);
  }

  /** Drops all packets between other hosts and a port of a service; resolves with a function that ends this. */
  async cut(part: Part, port: number): Promise<() => Promise<void>> {
    const ids = await this.containers(part);
    const inspect = ['docker', 'inspect', '--format', '{{.State.Pid}}', ...ids];
    const pids = (await output(inspect)).split('\n');
    const rules = (how: string) => [
      [how, 'INPUT', '!', '-i', 'lo', '-p', 'tcp', '--dport', String(port), '-j', 'DROP'],
      [how, 'OUTPUT', '!', '-o', 'lo', '-p', 'tcp', '--sport', String(port), '-j', 'DROP'],
    ];
    const all = async (how: string) => {
      for (const pid of pids) {
        for (const rule of rules(how)) {
          await output(['nsenter', '--target', pid, '--net', 'iptables', ...rule]);
        }
      }
    };
    await all('--insert');
    return () => all('--delete');
  }

  /** Queries the database from inside its container. */
  async query(text: string): Promise<{ rows: Record<string, string>[] }> {
    const [id = ''] = await this.containers('postgres');
    const json = `select coalesce(json_agg(row), '[]') from (${text}) row`;
    const psql = ['psql', '--username=orders', '--tuples-only', '--no-align', `--command=${json}`];
    return { rows: JSON.parse(await output(['docker', 'exec', id, ...psql])) };
  }

  /** Starts callers in a container on the network of order-service. */
  load(): StackLoad {
    return new StackLoad(`${NAME}_front`);
  }

  /** Removes the stack from the engine, except for its images. */
  static async remove(): Promise<void> {
    await script('down');
  }
}

async function script(name: string, options: string[] = [], more: NodeJS.ProcessEnv = {}) {
  await output([`${ROOT}deploy/${name}`, ...options], {
    env: { ...machineVariables(), STACK: NAME, ...more },
  });
}

/** The lines that containers, also ended ones, have logged since a Unix time in milliseconds. */
async function linesSince(tasks: readonly string[], since: number): Promise<TaskLine[]> {
  const lines: TaskLine[] = [];
  for (const task of tasks) {
    const log = await output(['docker', 'logs', '--since', String(since / 1_000), task]);
    for (const line of log.split('\n')) take(lines, task, line);
  }
  return lines;
}

/** The lines that containers log during `work`, which may remove them. */
async function linesDuring(
  tasks: readonly string[],
  work: () => Promise<void>,
): Promise<TaskLine[]> {
  const lines: TaskLine[] = [];
  const followers = tasks.map((task) => {
    const args = ['logs', '--follow', '--tail', '0', task];
    const follower = tether(spawn('docker', args, { stdio: ['ignore', 'pipe', 'ignore'] }));
    eachLine(follower.stdout, (line) => take(lines, task, line));
    return follower;
  });
  try {
    await work();
  } finally {
    for (const follower of followers) follower.kill();
  }
  return lines;
}

function take(lines: TaskLine[], task: string, line: string): void {
  if (line.startsWith('{')) lines.push({ ...JSON.parse(line), task });
}
