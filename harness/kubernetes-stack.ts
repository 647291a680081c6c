import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { ROOT } from '../processes/repository.ts';
import { SERVICE_NAMES, type ServiceName } from '../services.ts';
import { output, startCommand } from './command.ts';
import { machineVariables } from './environment.ts';
import { type Pod, PodLogs } from './pod-logs.ts';
import { StackLoad } from './stack-load.ts';
import { until } from './time.ts';

const NAMESPACE = 'orders-test';
const CALLERS = 'orders-test-callers';
const FOLDER = join(ROOT, 'system-tests/kubernetes');

/** Selects the pods of the services. */
const OURS = 'app.kubernetes.io/part-of=orders';

/** A new replica takes a while to start, and an old one to drain. */
const CONVERGES = { intervalMs: 1_000, boundMs: 180_000 };

/** deploy/kubernetes on the cluster that KUBECONFIG names, in a namespace of its own. */
export class KubernetesStack implements AsyncDisposable {
  /** The address at which `kubectl proxy` serves the cluster's API. */
  readonly #api: string;
  readonly #proxy;

  private constructor(api: string, proxy: ReturnType<typeof startCommand>) {
    this.#api = api;
    this.#proxy = proxy;
  }

  static async connect(): Promise<KubernetesStack> {
    const proxy = startCommand('kubectl', ['proxy', '--port=0']);
    const address = await proxy.seen(/127\.0\.0\.1:\d+/);
    return new KubernetesStack(`http://${address}`, proxy);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#proxy.child.kill();
    await this.#proxy.closed;
  }

  /** Builds the images as `tag` and deploys them with deploy/up, with the changes of `components`. */
  async deploy(tag: string, ...components: string[]): Promise<void> {
    const isOld = !(await output(['kubectl', 'api-versions'])).split('\n').includes('policy/v1');
    const folder = await mkdtemp(join(tmpdir(), 'orders-test-'));
    const path = (name: string) => relative(folder, join(FOLDER, name));
    const all = [...(isOld ? ['kubernetes-1.20'] : []), ...components].map(path);
    const kustomization = JSON.stringify({ resources: [path('overlay')], components: all });
    await writeFile(join(folder, 'kustomization.yaml'), kustomization);
    try {
      await script('up', [folder], { TAG: tag });
    } finally {
      await rm(folder, { recursive: true });
    }
  }

  /** Resolves once each service runs exactly `replicas` replicas. */
  async scale(replicas: number): Promise<void> {
    const all = SERVICE_NAMES.map((service) => `deployment/${service}`);
    await kubectl('scale', ...all, `--replicas=${replicas}`);
    await this.converged(replicas);
  }

  /** Resolves once exactly `replicas` pods of each service run, all of them ready. */
  async converged(replicas: number): Promise<void> {
    await until(
      `${replicas} of each service`,
      async () => {
        const pods = await this.#pods(OURS).catch(() => []);
        const areThere = SERVICE_NAMES.every((service) => {
          const own = pods.filter((pod) => nameOf(pod) === service && !hasEnded(pod));
          return own.length === replicas && own.every(isReady);
        });
        return areThere || undefined;
      },
      CONVERGES,
    );
  }

  /** Returns to the update before. */
  async undo(service: ServiceName): Promise<void> {
    await kubectl('rollout', 'undo', `deployment/${service}`);
  }

  /** The images that the pods of a service run, each once. */
  async images(service: ServiceName): Promise<string[]> {
    const images = (await this.pods(service)).map(({ spec }) => spec.containers[0]?.image ?? '');
    return [...new Set(images)];
  }

  /** Deletes a pod of each, which is a graceful shutdown. */
  async deletePods(...services: ServiceName[]): Promise<void> {
    const firsts = await Promise.all(services.map(async (name) => (await this.pods(name))[0]));
    const names = firsts.map((pod) => pod?.metadata.name ?? '');
    await kubectl('delete', 'pod', '--wait=false', ...names);
  }

  /**
   * Evicts the services' pods from one node, which takes new ones again once the first eviction is refused. Resolves
   * with the number of evicted pods and of refusals.
   */
  async drain(): Promise<{ evicted: number; refused: number }> {
    const [pod] = await this.pods('order-service');
    const node = pod?.spec.nodeName ?? '';
    const flags = [`--pod-selector=${OURS}`, '--timeout=300s'];
    const drain = startCommand('kubectl', ['drain', node, ...flags]);
    try {
      await drain.seen(/disruption budget/);
    } finally {
      await kubectl('uncordon', node);
    }
    const code = await drain.closed;
    if (code !== 0) throw new Error(drain.output());
    const count = (pattern: RegExp) => drain.output().match(pattern)?.length ?? 0;
    return { evicted: count(/^pod\/.* evicted$/gm), refused: count(/disruption budget/g) };
  }

  /** How often the containers of the services have been restarted. */
  async restarts(): Promise<number> {
    const pods = await this.#pods(OURS);
    const all = pods.flatMap(({ status }) => status.containerStatuses ?? []);
    return all.reduce((sum, { restartCount }) => sum + restartCount, 0);
  }

  /** Whether the containers run on this machine's Docker Engine, so that this process can act on them. */
  async ownsContainers(): Promise<boolean> {
    const [pod] = await this.pods('order-service');
    const found = pod && output(['docker', 'inspect', containerOf(pod)]);
    return (await found?.then(() => true).catch(() => false)) ?? false;
  }

  /** Kills one container of a service with SIGKILL. */
  async kill(service: ServiceName): Promise<void> {
    const [pod] = await this.pods(service);
    if (pod) await output(['docker', 'kill', '--signal', 'KILL', containerOf(pod)]);
  }

  /** Drops all packets between a service's pods and a port of other hosts; resolves with a function that ends this. */
  async cut(service: ServiceName, port: number): Promise<() => Promise<void>> {
    const ids = (await this.pods(service)).map(containerOf);
    const pids = await output(['docker', 'inspect', '--format', '{{.State.Pid}}', ...ids]);
    const rules = (how: string) => [
      [how, 'OUTPUT', '-p', 'tcp', '--dport', String(port), '-j', 'DROP'],
      [how, 'INPUT', '-p', 'tcp', '--sport', String(port), '-j', 'DROP'],
    ];
    const all = async (how: string) => {
      for (const pid of pids.split('\n')) {
        for (const rule of rules(how)) {
          await output(['nsenter', '--target', pid, '--net', 'iptables', ...rule]);
        }
      }
    };
    await all('--insert');
    return () => all('--delete');
  }

  /** The process id of the cluster's API server; undefined if it runs on another machine. */
  async apiServer(): Promise<number | undefined> {
    const server = 'jsonpath={.clusters[0].cluster.server}';
    const { hostname, port } = new URL(await kubectl('config', 'view', '--minify', '-o', server));
    if (hostname !== '127.0.0.1') return undefined;
    const pattern = `kube-apiserver.* --secure-port=${port}( |$)`;
    const pid = await output(['pgrep', '--full', '--oldest', pattern]).catch(() => '');
    return pid ? Number(pid) : undefined;
  }

  /** Stops the API server for a while. It goes on even if this process is killed meanwhile. */
  async silence(apiServer: number, seconds: number): Promise<void> {
    const stopped = `kill -STOP ${apiServer} && sleep ${seconds}; kill -CONT ${apiServer}`;
    await output(['sh', '-c', stopped]);
  }

  /** Deletes PostgreSQL's pod; resolves once the next one is ready, with the same volume. */
  async restartPostgres(): Promise<void> {
    await kubectl('delete', 'pod', 'postgres-0');
    await kubectl('rollout', 'status', 'statefulset/postgres', '--timeout=180s');
  }

  /** The pods of a service. */
  async pods(service: ServiceName): Promise<Pod[]> {
    const pods = await this.#pods(`app.kubernetes.io/name=${service}`);
    return pods.filter((pod) => !hasEnded(pod));
  }

  async #pods(selector: string): Promise<Pod[]> {
    const query = `labelSelector=${encodeURIComponent(selector)}`;
    const { items } = (await this.#get(`/api/v1/namespaces/${NAMESPACE}/pods?${query}`)) as {
      items: Pod[];
    };
    return items;
  }

  /** Records the lines that the services log from now on, also those of pods that come and go. */
  record(): PodLogs {
    const list = () => this.#pods(OURS);
    const open = async (pod: string, since: string, signal: AbortSignal) => {
      const query = `container=service&follow=true&timestamps=true&sinceTime=${encodeURIComponent(since)}`;
      const path = `/api/v1/namespaces/${NAMESPACE}/pods/${pod}/log?${query}`;
      return fetch(this.#api + path, { signal });
    };
    return new PodLogs(list, open);
  }

  /** Queries the database from inside its container. */
  async query(text: string): Promise<{ rows: Record<string, string>[] }> {
    const json = `select coalesce(json_agg(row), '[]') from (${text}) row`;
    const psql = ['psql', '--username=orders', '--tuples-only', '--no-align', `--command=${json}`];
    return { rows: JSON.parse(await kubectl('exec', 'postgres-0', '--', ...psql)) };
  }

  /** Starts the pod of the callers, with an image that is deployed. */
  async startCallers(image: string): Promise<void> {
    const source = await readFile(join(ROOT, 'harness/stack-callers.ts'), 'utf8');
    const metadata = { name: 'callers', namespace: CALLERS };
    const volumeMounts = [{ name: 'source', mountPath: '/callers' }];
    const command = ['node', '/callers/callers.ts', `http://order-service.${NAMESPACE}:8080`];
    const containers = [{ name: 'callers', image, command, volumeMounts }];
    const volumes = [{ name: 'source', configMap: { name: 'callers' } }];
    const items = [
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: CALLERS } },
      { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { 'callers.ts': source } },
      { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers, volumes } },
    ];
    const apply = startCommand('kubectl', ['apply', '--filename=-']);
    apply.child.stdin.end(JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
    if ((await apply.closed) !== 0) throw new Error(apply.output());
    await until('callers', () => this.#callers('/outcomes?from=0').catch(() => undefined), {
      intervalMs: 1_000,
      boundMs: 120_000,
    });
  }

  /** The callers, who place no order yet. */
  load(): StackLoad {
    return new StackLoad((command) => this.#callers(command));
  }

  async #callers(command: string): Promise<unknown> {
    return this.#get(`/api/v1/namespaces/${CALLERS}/pods/callers:9000/proxy${command}`);
  }

  async #get(path: string): Promise<unknown> {
    const signal = AbortSignal.timeout(40_000);
    const response = await fetch(this.#api + path, { signal });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }

  /** Removes what the tests have put into the cluster. */
  static async remove(): Promise<void> {
    const options = ['--ignore-not-found', '--grace-period=1'];
    await output(['kubectl', 'delete', 'namespace', CALLERS, ...options], { env });
    await script('down', ['--volume']);
    // A volume that is about to go would still be there for the next StatefulSet.
    await output(['kubectl', 'delete', 'persistentvolume', NAMESPACE, ...options], { env });
  }
}

const env = machineVariables();

async function kubectl(...args: string[]): Promise<string> {
  return output(['kubectl', `--namespace=${NAMESPACE}`, ...args], { env });
}

async function script(name: string, options: string[] = [], more: NodeJS.ProcessEnv = {}) {
  await output([`${ROOT}deploy/${name}`, ...options], {
    env: { ...env, NAMESPACE, ...more },
  });
}

const nameOf = ({ metadata }: Pod) => metadata.labels['app.kubernetes.io/name'];

const containerOf = ({ status }: Pod) =>
  status.containerStatuses?.[0]?.containerID?.replace(/^.*:\/\//, '') ?? '';

/** Whether the pod's container has ended after a deletion. The pod itself may stay for another minute. */
function hasEnded({ metadata, status }: Pod): boolean {
  const isRunning = status.containerStatuses?.some(({ state }) => state?.running);
  return metadata.deletionTimestamp !== undefined && !isRunning;
}

function isReady({ metadata, status }: Pod): boolean {
  const ready = status.conditions?.some(
    ({ type, status }) => type === 'Ready' && status === 'True',
  );
  return ready === true && metadata.deletionTimestamp === undefined;
}
