import { cpus } from 'node:os';
import { markdownTable } from 'markdown-table';
import type { Growth } from './growth.ts';
import { SERVICES } from './services.ts';

/** From this share on something is in use all the time: what is measured is never quite 1. */
const FULL = 0.9;

/** Fewer than these fail by chance. */
const RARE = 0.001;

/** A row for each; what limits it is in the last column. */
export function growthTable(rows: readonly Growth[]): string {
  const head = [
    'replicas',
    'in flight',
    'orders/s',
    'failed',
    ...SERVICES.map((name) => `CPU µs/order ${name}`),
    'of PostgreSQL',
    'cores busy',
    'callers',
    'others',
    'statements at work',
    'on the disk',
    'what limits it',
  ];
  const cells = rows.map((row) => [
    String(row.replicas),
    row.inFlight.toLocaleString('en'),
    row.ordersPerSecond.toFixed(0),
    percent(failedOf(row)),
    ...[...SERVICES, 'PostgreSQL' as const].map((name) => row.cpuUs[name].toFixed(0)),
    percent(row.busy),
    percent(row.busyCallers),
    percent(row.busyOthers),
    `${row.active.toFixed(1)} of ${row.connections}`,
    row.flushing.toFixed(1),
    limitOf(row),
  ]);
  return markdownTable([head, ...cells], {
    align: head.map((_, n) => (n === head.length - 1 ? 'l' : 'r')),
  });
}

/** What is full, and what most of those who failed were told. */
function limitOf({ busy, busiestProcess, active, connections, failures }: Growth): string {
  const full = [
    busy >= FULL && `the ${cpus().length} cores`,
    busiestProcess >= FULL && 'the one thread of a service',
    active >= FULL * connections && 'the connections to the database',
  ].filter(Boolean);
  const [worst] = [...failures].sort(([, a], [, b]) => b - a);
  const told = worst && worst[1] >= RARE ? [`${percent(worst[1])} are told \`${worst[0]}\``] : [];
  return [full.join(', ') || 'nothing is full', ...told].join('; ');
}

function failedOf({ failures }: Growth): number {
  return [...failures.values()].reduce((sum, each) => sum + each, 0);
}

const percent = (share: number) => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
