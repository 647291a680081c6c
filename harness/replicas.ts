import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { forEachCalled, type ServiceName, type ShortName, urlVariables } from '../services.ts';
import { portOf } from './network.ts';
import { ServiceProcess } from './service-process.ts';

/** The replicas of one service behind a load balancer. */
export class Replicas implements AsyncDisposable {
  readonly name: ServiceName;
  readonly balancer: Balancer;
  /** All replicas ever started, including the killed ones. */
  readonly all: ServiceProcess[] = [];
  readonly #env: Record<string, string>;
  #living: ServiceProcess[] = [];

  private constructor(name: ServiceName, balancer: Balancer, env: Record<string, string>) {
    this.name = name;
    this.balancer = balancer;
    this.#env = env;
  }

  static async start(name: ServiceName, count: number, env: Record<string, string>) {
    const replicas = new Replicas(name, await startBalancer(), env);
    await Promise.all(Array.from({ length: count }, () => replicas.add()));
    return replicas;
  }

  get url(): string {
    return this.balancer.url;
  }

  /** Starts one more replica, which gets connections once it listens and has reached its database. */
  async add(): Promise<void> {
    const replica = await ServiceProcess.start(this.name, this.#env);
    this.all.push(replica);
    await replica.waitFor({ msg: 'Database available' });
    this.#living.push(replica);
    this.#balance();
  }

  /** Kills the oldest living replica with SIGKILL. */
  async kill(): Promise<void> {
    const [oldest] = this.#living.splice(0, 1);
    oldest?.signal('SIGKILL');
    await oldest?.exited;
    this.#balance();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.all.map((replica) => replica[Symbol.asyncDispose]()));
    await this.balancer[Symbol.asyncDispose]();
  }

  #balance(): void {
    this.balancer.ports = this.#living.map(({ port }) => port);
  }
}

export interface ReplicatedSystem extends Readonly<Record<ShortName, Replicas>>, AsyncDisposable {}

/** Starts two replicas of each service with the database at `url`, and `env` for all of them. */
export async function startReplicas(
  url: string,
  env: Record<string, string>,
): Promise<ReplicatedSystem> {
  const all = { DATABASE_URL: url, ...env };
  const called = await forEachCalled((name) => Replicas.start(`${name}-service`, 2, all));
  const order = await Replicas.start('order-service', 2, { ...all, ...urlVariables(called) });
  return {
    order,
    ...called,
    async [Symbol.asyncDispose]() {
      for (const replicas of [order, ...Object.values(called)])
        await replicas[Symbol.asyncDispose]();
    },
  };
}

/** Distributes connections over replicas in turn; each goes to the next replica that accepts it. */
interface Balancer extends AsyncDisposable {
  url: string;
  /** The replicas' ports. */
  ports: number[];
  /** Whether the end of a replica is hidden from clients, as when its host is gone. */
  isSilent: boolean;
}

/** Starts a balancer; `ports` must be set before the first connection. */
async function startBalancer(): Promise<Balancer> {
  const ends = new Set<Socket>();
  let turn = 0;
  const follow = (end: Socket, onClose: () => void) => {
    ends.add(end);
    end
      .on('error', () => {})
      .once('close', () => {
        ends.delete(end);
        onClose();
      });
  };
  const join = (client: Socket, triesLeft: number) => {
    turn += 1;
    const port = balancer.ports[turn % balancer.ports.length] ?? 0;
    const service = connect(port, '127.0.0.1');
    let isConnected = false;
    service.once('connect', () => {
      isConnected = true;
      client.pipe(service);
      service.pipe(client, { end: false });
    });
    follow(service, () => {
      client.unpipe(service);
      if (!isConnected && triesLeft > 0 && !client.destroyed) join(client, triesLeft - 1);
      else if (!balancer.isSilent) client.destroy();
    });
    client.once('close', () => service.destroy());
  };
  const server = createServer((client) => {
    follow(client, () => {});
    join(client, balancer.ports.length - 1);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const balancer: Balancer = {
    url: `http://127.0.0.1:${portOf(server)}`,
    ports: [],
    isSilent: false,
    async [Symbol.asyncDispose]() {
      for (const end of ends) end.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return balancer;
}
