import { checkTraps, TRAPS } from './run.ts';
import { cell, table } from './table.ts';

const report = await checkTraps();

if (process.argv.includes('--json')) {
  process.stdout.write(`${JSON.stringify(report)}\n`);
} else {
  const head = ['trap', `Node ${report.version} alone`, 'with this package', 'issue'];
  const rows = report.rows.map(({ name, node, ours }, at) => [
    name,
    cell(node),
    cell(ours),
    (TRAPS[at]?.issues ?? []).map((issue) => `nodejs/node#${issue}`).join(', '),
  ]);
  process.stdout.write(table(head, rows));
}
