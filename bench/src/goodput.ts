import { markdownTable } from 'markdown-table';
import { postgresVersion } from '../../harness/postgres.ts';
import { writePictures } from './goodput-picture.ts';
import { CAPACITY, CONNECTIONS, type Measured, overload, PATIENT, QUERY_MS } from './overload.ts';
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

/** What must hold: the words, the load, the figure, and its bound. */
const TARGETS = [
  ['patient callers served', 1.5, 'served', 'at least', 0.95],
  ['capacity used', 3, 'capacity', 'at least', 0.9],
  ['work for nobody', 1.5, 'forNobody', 'under', 0.05],
  ['work for nobody', 3, 'forNobody', 'under', 0.05],
] as const;

const EXPLANATION = `Callers arrive at inventory-service's \`/check\` at random, however late the answers. The database has room for
${CAPACITY} per second: ${CONNECTIONS} connections, queries of ${QUERY_MS} ms. Half of the callers wait ${PATIENT.timeoutMs} ms and send that as their budget. The
others hang up after ${IMPATIENT_MS} ms, and send that only under "budgets too". Express + pg has no cancellation and no
\`statement_timeout\`. Each server starts idle.

Served: a 200 before the hang-up. Capacity used: answers in time. Work for nobody: the share of the database's work, by
its log, for callers that got no answer in time. It includes the part of a query that ran before the hang-up stopped it;
only a budget prevents that. After they left: the share of the database's work that was done after its caller had hung
up.`;

const PICTURE = `<picture>
  <source media="(prefers-color-scheme: dark)" srcset="../docs/goodput-dark.svg">
  <img src="../docs/goodput.svg" alt="The columns patient callers served and work for nobody of the table below, as bars." width="700">
</picture>`;

/** Measures each server under overload, prints the tables, and draws the pictures. */
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
    PICTURE,
    table(measured),
    targets(measured),
  ].join('\n\n');
  process.stdout.write(`${text}\n`);
  if (text.includes('missed')) process.exitCode = 1;
  if (quick) return;
  record('npm run bench -- --goodput', text);
  writePictures();
}

const percent = (share: number) => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)}%`;

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
  const rows = TARGETS.map(([words, load, figure, relation, bound]) => {
    const results = [OURS, OURS_WITH_BUDGETS].map((name) => {
      const found = measured.find((it) => it.name === name && it.load === load);
      const value = found?.[figure] ?? Number.NaN;
      const missedBy = relation === 'at least' ? bound - value : value - bound;
      return `${percent(value)}: ${missedBy <= 0 ? 'kept' : `missed by ${percent(missedBy).replace('%', ' points')}`}`;
    });
    return [`${words}, ${load} times`, `${relation} ${bound * 100}%`, ...results];
  });
  return markdownTable([['target', 'limit', OURS, OURS_WITH_BUDGETS], ...rows]);
}
