import { markdownTable } from 'markdown-table';
import { COLUMNS, NAMES, OURS, USUAL } from './contenders.ts';
import type { Results } from './results.ts';
import { MACHINE } from './results-file.ts';

/** The table of results and the table of targets, as Markdown that is aligned for a terminal. */
export function tables(results: Results, soak: string[][]): string {
  const headings = COLUMNS.map(([, heading]) => heading);
  const rows = NAMES.map((name) => {
    const failure = results.failures.get(name);
    if (failure) return [name, `failed: ${failure}`];
    const cells = COLUMNS.map(([figure, , digits]) => {
      const value = results.figure(name, figure).toFixed(digits);
      return name === OURS ? value : `${value} (${results.ratio(name, figure).toFixed(2)})`;
    });
    return [name, ...cells];
  });
  const align = ['l', ...headings.map(() => 'r')];
  return [
    `${MACHINE}. In brackets: the median per-round ratio to order-service.`,
    markdownTable([['', ...headings], ...rows], { align }),
    markdownTable([['target', 'limit', 'measured'], ...targets(results), ...soak]),
  ].join('\n\n');
}

function targets(results: Results): string[][] {
  const cpuLimit = Number.parseInt(process.versions.node, 10) >= 24 ? 0.28 : 0.5;
  const target = (what: string, limit: number, measured: number) => {
    const result = measured <= limit ? 'kept' : `missed by ${(measured - limit).toFixed(2)}`;
    return [what, String(limit), `${measured.toFixed(2)}: ${result}`];
  };
  return [
    target(`CPU per order, times ${USUAL}`, cpuLimit, results.ratio(OURS, 'cpuUs', USUAL)),
    target(
      'CPU per order, times Express + undici',
      1,
      results.ratio(OURS, 'cpuUs', 'Express + undici'),
    ),
    target('cancellation p50, ms', 1, results.figure(OURS, 'cancelP50Ms')),
    target('cancellation p99, ms', 5, results.figure(OURS, 'cancelP99Ms')),
    target(
      `memory per order in flight, times ${USUAL}`,
      0.7,
      results.ratio(OURS, 'residentKib', USUAL),
    ),
  ];
}
