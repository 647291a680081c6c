import { setTimeout as sleep } from 'node:timers/promises';
import { markdownTable } from 'markdown-table';
import { median } from 'simple-statistics';
import { type Postgres, postgresVersion, startPostgres } from '../../harness/postgres.ts';
import { SERVICE_NAMES } from '../../services.ts';
import { type CpuUs, cpuUs } from './cpu.ts';
import { Crowd } from './crowd.ts';
import { load } from './measure.ts';
import { progress } from './progress.ts';
import { MACHINE, record } from './results-file.ts';
import { byService, DURABLE, type Services, startServices } from './services.ts';

const FIGURES = [...SERVICE_NAMES, 'PostgreSQL', 'ordersPerSecond', 'p50', 'p99'] as const;
const CROWDS = [1_000, 4_000, 8_000];
const CROWD_HEAD = [
  'callers',
  'orders/s in memory',
  'with PostgreSQL',
  'failed in memory',
  'with PostgreSQL',
];

/** How long the voids of a crowd that has left take, with time to spare. */
const AFTERMATH_MS = 10_000;

type Round = Record<(typeof FIGURES)[number], number>;

/** Compares orders in PostgreSQL with orders in memory, round by round, and prints the table. */
export async function runDurable(quick: boolean): Promise<void> {
  if (!postgresVersion) throw new Error('PostgreSQL is not installed');
  const rounds = quick ? 2 : 9;
  const orders = quick ? 300 : 2_000;
  await using postgres = await startPostgres(DURABLE);
  await using inMemory = await startServices();
  await using durable = await startServices({ DATABASE_URL: postgres.url });
  const roundsInMemory: Round[] = [];
  const roundsDurable: Round[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    progress(round === 0 ? 'warming up' : `round ${round} of ${rounds}`);
    const memoryRound = await measure(inMemory, undefined, orders);
    const durableRound = await measure(durable, postgres, orders);
    if (round === 0) continue;
    roundsInMemory.push(memoryRound);
    roundsDurable.push(durableRound);
  }
  const crowds: string[][] = [];
  for (const callers of CROWDS) {
    progress(`${callers.toLocaleString('en')} callers`);
    const memory = await withCrowd([inMemory], callers, quick);
    const database = await withCrowd([durable], callers, quick);
    const ratio = (database.ordersPerSecond / memory.ordersPerSecond).toFixed(2);
    crowds.push([
      callers.toLocaleString('en'),
      memory.ordersPerSecond.toFixed(0),
      `${database.ordersPerSecond.toFixed(0)} (${ratio})`,
      String(memory.failed),
      String(database.failed),
    ]);
  }
  const replicas = await withReplicas(durable, postgres, quick);
  progress('');
  const text = `${MACHINE}, ${postgresVersion} on the same machine and disk, \`fsync\` on, ten
connections per service. 64 orders at a time, without simulated work, each with five statements, of which four are
writes to the disk. In brackets: the median per-round ratio to in memory. µs: CPU time per order.

${table(roundsInMemory, roundsDurable)}

More callers, each of whom places the next order at once, over a connection of its own. A busy process accepts one
connection per turn of Node's event loop, some 40 per second here, so most of 4,000 or 8,000 callers still wait for that.
Of 8,000 more wait than the kernel lets (\`net.core.somaxconn\`, 4,096), and it may reset some of them.

${markdownTable([CROWD_HEAD, ...crowds], { align: CROWD_HEAD.map(() => 'r') })}

Replicas of all three services over one database, each with its own ten connections. They share the cores of this
machine with each other, PostgreSQL and the callers.

${replicas}`;
  process.stdout.write(`${text}\n`);
  if (!quick) record('npm run bench -- --durable', text);
}

async function measure(
  services: Services,
  postgres: Postgres | undefined,
  orders: number,
): Promise<Round> {
  const before = await cpuUs(services, postgres);
  const { ordersPerSecond, latencyP50Ms, latencyP99Ms } = await load(services.order, orders);
  const after = await cpuUs(services, postgres);
  const perOrder = (name: keyof CpuUs) => (after[name] - before[name]) / orders;
  return {
    ...byService(perOrder),
    PostgreSQL: perOrder('PostgreSQL'),
    ordersPerSecond,
    p50: latencyP50Ms,
    p99: latencyP99Ms,
  };
}

/** A table of the orders per second on one process of each service, and on two. */
async function withReplicas(first: Services, postgres: Postgres, quick: boolean): Promise<string> {
  await using second = await startServices({ DATABASE_URL: postgres.url });
  const rows: string[][] = [];
  for (const replicas of [[first], [first, second]]) {
    for (const callers of [1_000, 4_000]) {
      progress(`${callers.toLocaleString('en')} callers, replicas: ${replicas.length}`);
      const { ordersPerSecond, failed } = await withCrowd(replicas, callers, quick);
      const figures = [callers.toLocaleString('en'), ordersPerSecond.toFixed(0), String(failed)];
      rows.push([String(replicas.length), ...figures]);
    }
  }
  const head = ['replicas', 'callers', 'orders/s', 'failed'];
  return markdownTable([head, ...rows], { align: head.map(() => 'r') });
}

/** A crowd's orders per second, and how many of all its orders were refused or failed. */
async function withCrowd(replicas: Services[], callers: number, quick: boolean) {
  const measuredMs = quick ? 3_000 : 10_000;
  const result = { ordersPerSecond: 0, failed: 0 };
  {
    using crowd = new Crowd(replicas.map(({ order }) => order.url));
    await crowd.growTo(callers);
    const before = crowd.succeeded;
    await sleep(measuredMs);
    result.ordersPerSecond = ((crowd.succeeded - before) / measuredMs) * 1_000;
    for (const [failure, count] of crowd.failures) {
      process.stderr.write(`${count} times: ${failure}\n`);
      result.failed += count;
    }
  }
  await sleep(AFTERMATH_MS);
  return result;
}

function table(inMemory: Round[], durable: Round[]): string {
  const figure = (rounds: Round[], name: keyof Round) => median(rounds.map((it) => it[name]));
  const ratio = (name: keyof Round) =>
    median(durable.map((it, n) => it[name] / (inMemory[n]?.[name] ?? Number.NaN)));
  const head = [
    '',
    'orders/s',
    'p50, ms',
    'p99, ms',
    ...SERVICE_NAMES.map((name) => `${name}, µs`),
  ];
  const names = ['ordersPerSecond', 'p50', 'p99', ...SERVICE_NAMES] as const;
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
  const all = [...head, 'PostgreSQL, µs'];
  return markdownTable([all, ...rows], { align: ['l', ...all.slice(1).map(() => 'r')] });
}
