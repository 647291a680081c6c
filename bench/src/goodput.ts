import { writeFileSync } from 'node:fs';
import { markdownTable } from 'markdown-table';
import { postgresVersion } from '../../harness/postgres.ts';
import { drawGoodput } from './goodput-picture.ts';
import {
  CAPACITY,
  CONNECTIONS,
  type Goodput,
  type Measured,
  overload,
  PATIENT,
  QUERY_MS,
} from './overload.ts';
import { progress } from './progress.ts';
import { MACHINE, record } from './results-file.ts';

const IMPATIENT_MS = 150;
const hangsUp = { timeoutMs: IMPATIENT_MS, sendsBudget: false };
const sendsBudget = { timeoutMs: IMPATIENT_MS, sendsBudget: true };

/** The load as multiples of the capacity. */
const LOADS = [1.5, 3];

const OURS = 'ours, hang-ups alone';
const OURS_WITH_BUDGETS = 'ours, budgets too';

/** The name, the path without `.ts`, and what the impatient callers do. */
const CONTENDERS = [
  ['Express + pg', 'bench/peers/express-pg', hangsUp],
  ['ours, nothing canceled', 'bench/peers/inventory-uncanceled', hangsUp],
  [OURS, 'inventory-service/src/server', hangsUp],
  [OURS_WITH_BUDGETS, 'inventory-service/src/server', sendsBudget],
] as const;

const EXPLANATION = `Callers arrive at inventory-service's \`/check\` independently of each other and of the answers, at a multiple of
the database's capacity: ${CONNECTIONS} connections with queries of ${QUERY_MS} ms serve ${CAPACITY} per second. Half of them wait ${PATIENT.timeoutMs} ms and
send that in \`x-envoy-expected-rq-timeout-ms\`. The others hang up after ${IMPATIENT_MS} ms, as axios does at its timeout, and send
that too under "budgets too". Express + pg is the usual way: a pool of pg, no cancellation, no
\`statement_timeout\`. Each server starts idle.

Served: a 200 before the caller hung up. Capacity used: answers in time, as a share of the capacity. For nobody: the
database's work, by its own log, for callers that got no answer in time, including queries that were stopped at once:
only a budget could have prevented those. After they left: the part of it after the hang-up.`;

/** Measures each server under overload, prints the tables, and draws the picture. */
export async function runGoodput(quick: boolean): Promise<void> {
  if (!postgresVersion) throw new Error('PostgreSQL is not installed');
  const seconds = quick ? 15 : 60;
  const measured: Measured[] = [];
  for (const load of LOADS) {
    for (const [name, entry, impatient] of CONTENDERS) {
      progress(`${load} times the capacity: ${name}`);
      const goodput = await overload(entry, load * CAPACITY, impatient, seconds * 1_000);
      measured.push({ name, load, ...goodput });
    }
  }
  progress('');
  const text = [
    `${MACHINE}, ${postgresVersion} beside it; ${seconds} s each.`,
    EXPLANATION,
    table(measured),
    targets(measured),
  ].join('\n\n');
  process.stdout.write(`${text}\n`);
  if (text.includes('missed')) process.exitCode = 1;
  if (quick) return;
  record('npm run bench -- --goodput', text);
  for (const [file, picture] of drawGoodput(measured)) {
    writeFileSync(new URL(`../../docs/${file}`, import.meta.url), picture);
  }
}

const percent = (share: number) => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;

function table(measured: Measured[]): string {
  const head = [
    'times the capacity',
    '',
    'patient callers served',
    'in the second half',
    'capacity used',
    'work for nobody',
    'after they left',
  ];
  const rows = measured.map((it) => [
    String(it.load),
    it.name,
    ...[it.served, it.servedLater, it.capacity, it.forNobody, it.afterLeaving].map(percent),
  ]);
  return markdownTable([head, ...rows], { align: ['l', 'l', ...head.slice(2).map(() => 'r')] });
}

function targets(measured: Measured[]): string {
  const row = (name: string, load: number, what: keyof Goodput, words: string, limit: string) => {
    const value = measured.find((it) => it.name === name && it.load === load)?.[what] ?? Number.NaN;
    const bound = Number.parseInt(limit.replace(/\D+/, ''), 10) / 100;
    const missedBy = limit.startsWith('at least') ? bound - value : value - bound;
    const result = missedBy <= 0 ? 'kept' : `missed by ${percent(missedBy)}`;
    return [`${words}, ${load} times, ${name}`, limit, percent(value), result];
  };
  const rows = [OURS, OURS_WITH_BUDGETS].flatMap((name) => [
    row(name, 1.5, 'served', 'patient served', 'at least 95 %'),
    row(name, 3, 'capacity', 'capacity used', 'at least 90 %'),
    ...LOADS.map((load) => row(name, load, 'forNobody', 'for nobody', 'under 5 %')),
  ]);
  return markdownTable([['target', 'limit', 'measured', ''], ...rows]);
}
