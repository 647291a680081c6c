import { readFileSync } from 'node:fs';
import { markdownTable } from 'markdown-table';
import { median } from 'simple-statistics';
import { childrenOf } from '../../harness/children-of.ts';
import { type Postgres, postgresVersion, startPostgres } from '../../harness/postgres.ts';
import { load } from './measure.ts';
import { OrderProcess } from './order-process.ts';
import { progress } from './progress.ts';
import { MACHINE, record } from './results-file.ts';

const SERVICES = ['order-service', 'inventory-service', 'payment-service'] as const;

/** No pause in either service: what is left is what an order costs. */
const NO_WORK = { CHECK_DURATION_MS: '0', PAYMENT_DURATION_MS: '0' };

/** As it would run: what is committed is on the disk. */
const DURABLE = { fsync: 'on', synchronous_commit: 'on' };

const FIGURES = [...SERVICES, 'PostgreSQL', 'ordersPerSecond', 'p50', 'p99'] as const;
type Round = Record<(typeof FIGURES)[number], number>;

/** Measures orders with PostgreSQL beside orders in memory, round by round, and prints the table. */
export async function runDurable(quick: boolean): Promise<void> {
  if (!postgresVersion) throw new Error('PostgreSQL is not installed');
  const [rounds, orders] = quick ? [2, 300] : [9, 2_000];
  await using postgres = await startPostgres(DURABLE);
  await using inMemory = await startServices();
  await using durable = await startServices({ DATABASE_URL: postgres.url });
  const measured: [Round[], Round[]] = [[], []];
  for (let round = 0; round <= rounds; round += 1) {
    progress(round === 0 ? 'warming up' : `round ${round} of ${rounds}`);
    const [without, withIt] = [
      await measure(inMemory, undefined, orders),
      await measure(durable, postgres, orders),
    ];
    if (round === 0) continue;
    measured[0].push(without);
    measured[1].push(withIt);
  }
  progress('');
  const text = `${MACHINE}, ${postgresVersion} on the same machine and disk, \`fsync\` on, ten connections a service. 64 orders at a
time; no pause in inventory and payment, so that what is left is what an order costs: five statements, four of them writes
that are on the disk before the next step. In brackets: the median of its ratios to in memory, round by round.

${table(...measured)}`;
  process.stdout.write(`${text}\n`);
  if (!quick) record('npm run bench -- --durable', text);
}

type Services = Awaited<ReturnType<typeof startServices>>;

async function startServices(env: Record<string, string> = {}) {
  const started: OrderProcess[] = [];
  const end = async () => {
    for (const service of started) await service[Symbol.asyncDispose]();
  };
  const start = async (name: string, more: Record<string, string> = {}) => {
    const service = await OrderProcess.start(`${name}/src/server.ts`, '', { ...env, ...more });
    started.push(service);
    return service;
  };
  try {
    const inventory = await start('inventory-service', NO_WORK);
    const payment = await start('payment-service', NO_WORK);
    const urls = { INVENTORY_URL: inventory.url, PAYMENT_URL: payment.url };
    const order = await start('order-service', urls);
    return { order, inventory, payment, [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  }
}

async function measure(
  { order, inventory, payment }: Services,
  postgres: Postgres | undefined,
  orders: number,
): Promise<Round> {
  const cpuUs = () =>
    Promise.all([
      order.cpuUs(),
      inventory.cpuUs(),
      payment.cpuUs(),
      postgres ? cpuUsOf(postgres.pid) : 0,
    ]);
  const before = await cpuUs();
  const { ordersPerSecond, latencyP50Ms, latencyP99Ms } = await load(order, orders);
  const after = await cpuUs();
  const perOrder = after.map((us, n) => (us - (before[n] ?? 0)) / orders);
  const [orderUs = 0, inventoryUs = 0, paymentUs = 0, postgresUs = 0] = perOrder;
  return {
    'order-service': orderUs,
    'inventory-service': inventoryUs,
    'payment-service': paymentUs,
    PostgreSQL: postgresUs,
    ordersPerSecond,
    p50: latencyP50Ms,
    p99: latencyP99Ms,
  };
}

const TICK_US = 10_000;

/** Of a server and its processes, those that have ended included, as Linux counts it. */
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

function table(inMemory: Round[], durable: Round[]): string {
  const figure = (rounds: Round[], name: keyof Round) => median(rounds.map((it) => it[name]));
  const ratio = (name: keyof Round) =>
    median(durable.map((it, n) => it[name] / (inMemory[n]?.[name] ?? Number.NaN)));
  const head = [
    '',
    'orders/s',
    'p50 ms',
    'p99 ms',
    ...SERVICES.map((name) => `CPU µs/order ${name}`),
  ];
  const names = ['ordersPerSecond', 'p50', 'p99', ...SERVICES] as const;
  const digits = (name: string) => (name.startsWith('p') && name.length === 3 ? 1 : 0);
  const row = (title: string, rounds: Round[], isBase: boolean) => [
    title,
    ...names.map((name) => {
      const value = figure(rounds, name).toFixed(digits(name));
      return isBase ? value : `${value} (${ratio(name).toFixed(2)})`;
    }),
    figure(rounds, 'PostgreSQL').toFixed(0),
  ];
  const rows = [row('in memory', inMemory, true), row('with PostgreSQL', durable, false)];
  const all = [...head, 'of PostgreSQL'];
  return markdownTable([all, ...rows], { align: ['l', ...all.slice(1).map(() => 'r')] });
}
