import { NO_VARIABLES, ROOT } from '../processes/repository.ts';
import { SERVICE_NAMES, SERVICES, type ServiceName } from '../services.ts';
import { output } from './command.ts';
import { machineVariables } from './environment.ts';
import { until } from './time.ts';

/** How to call a version of Compose. Version 1 is tested with the only builder of its time. */
export interface Compose {
  command: string[];
  env: Record<string, string>;
}
export const COMPOSE_V2: Compose = { command: ['docker', 'compose'], env: {} };
export const COMPOSE_V1: Compose = {
  command: ['docker-compose'],
  env: { DOCKER_BUILDKIT: '0', COMPOSE_DOCKER_CLI_BUILD: '0' },
};

/** The port on which docker-compose.yml publishes each service. */
export const PORTS = Object.fromEntries(
  SERVICES.map(({ name, port }) => [`${name}-service`, port]),
) as Record<ServiceName, number>;

/** The compose file of the services, and the one that adds PostgreSQL. */
const FILE = 'docker-compose.yml';
export const WITH_POSTGRES = [FILE, 'compose.postgres.yml'];

/** The parts that run in a container. */
type Part = ServiceName | 'postgres';

const PROJECT = 'order-cancellation-test';
const NETWORK = `${PROJECT}_default`;

/** The compose files on a Docker engine, under a separate project name. */
export class ComposeStack {
  readonly #compose: Compose;
  readonly #files: string[];

  constructor(compose: Compose = COMPOSE_V2, files = [FILE]) {
    this.#compose = compose;
    this.#files = files;
  }

  /** Runs Compose. Of the variables that the files read, only `variables` are set. */
  async compose(args: string[], variables: Record<string, string> = {}): Promise<string> {
    const { command, env } = this.#compose;
    const files = this.#files.map((file) => `--file=${file}`);
    const options = [...files, '--project-name', PROJECT, '--env-file', NO_VARIABLES];
    return output([...command, ...options, ...args], {
      cwd: ROOT,
      env: { ...machineVariables(), ...env, LOG_FORMAT: 'json', ...variables },
    });
  }

  /** Starts the containers, or replaces those whose `variables` changed; resolves once all are healthy. */
  async up(variables: Record<string, string> = {}): Promise<void> {
    await this.compose(['up', '--detach'], variables);
    await Promise.all(SERVICE_NAMES.map((service) => this.healthy(service)));
  }

  async healthy(service: ServiceName): Promise<void> {
    await until(`a healthy ${service}`, async () => {
      const health = await this.inspect(service, '{{.State.Health.Status}}');
      return health === 'healthy' || undefined;
    });
  }

  /** Removes the project from the engine, except for its images, which serve as a cache. */
  async down(): Promise<void> {
    await this.compose(['down', '--timeout', '0', '--volumes']);
  }

  /** The id of the service's container, found by its labels: Compose v1 and v2 name it differently. */
  async container(service: Part): Promise<string> {
    const labels = [`project=${PROJECT}`, `service=${service}`];
    const filters = labels.map((label) => `--filter=label=com.docker.compose.${label}`);
    return output(['docker', 'ps', '--all', '--quiet', ...filters]);
  }

  async inspect(service: Part, format: string): Promise<string> {
    return output(['docker', 'inspect', '--format', format, await this.container(service)]);
  }

  async exec(service: Part, ...command: string[]): Promise<string> {
    return output(['docker', 'exec', await this.container(service), ...command]);
  }

  async kill(service: ServiceName): Promise<void> {
    await output(['docker', 'kill', '--signal', 'KILL', await this.container(service)]);
  }

  async stop(service: Part): Promise<void> {
    await output(['docker', 'stop', await this.container(service)]);
  }

  async start(service: Part): Promise<void> {
    await output(['docker', 'start', await this.container(service)]);
  }

  /** The exit code of each service, in the order of SERVICE_NAMES. */
  async exitCodes(): Promise<number[]> {
    const codes = SERVICE_NAMES.map((service) => this.inspect(service, '{{.State.ExitCode}}'));
    return (await Promise.all(codes)).map(Number);
  }

  /** The lines of the service's log that contain all `fragments`. */
  async lines(service: ServiceName, ...fragments: string[]): Promise<string[]> {
    const log = await output(['docker', 'logs', await this.container(service)]);
    const lines = log.split('\n');
    return lines.filter((line) => fragments.every((fragment) => line.includes(fragment)));
  }

  async waitForLine(service: ServiceName, ...fragments: string[]): Promise<string> {
    const what = `"${fragments.join(' ')}" in the log of ${service}`;
    return until(what, async () => (await this.lines(service, ...fragments))[0]);
  }

  /** Disconnects the service from the network: no packet passes, not even a FIN or RST. */
  async unplug(service: ServiceName): Promise<void> {
    await output(['docker', 'network', 'disconnect', NETWORK, await this.container(service)]);
  }

  async plugIn(service: ServiceName): Promise<void> {
    const connect = ['docker', 'network', 'connect', '--alias', service, NETWORK];
    await output([...connect, await this.container(service)]);
  }
}
