import type { Reporter, TestCase, TestModule } from 'vitest/node';

declare module 'vitest' {
  interface TaskMeta {
    /** What the test saw, in a few words; the table shows it. */
    seen?: string;
  }
}

type Row = [done: string, promised: string, seen: string];

/** Ends the run with a table: what was done, what was promised, what was seen. */
export default class TableReporter implements Reporter {
  onTestRunEnd(modules: ReadonlyArray<TestModule>): void {
    const rows: Row[] = [['What was done', 'What was promised', 'What was seen']];
    for (const module of modules)
      for (const test of module.children.allTests()) rows.push(row(test));
    const widths = [0, 1].map((column) =>
      Math.max(...rows.map((cells) => cells[column]?.length ?? 0)),
    );
    const lines = rows.map((cells) =>
      cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '),
    );
    process.stdout.write(`\n${lines.join('\n')}\n\n`);
  }
}

function row(test: TestCase): Row {
  const parent = test.parent.type === 'suite' ? test.parent.fullName : test.module.relativeModuleId;
  const result = test.result();
  const seen = {
    passed: test.meta().seen ?? 'as promised',
    skipped: `SKIPPED: ${'note' in result ? result.note : ''}`,
    failed: 'FAILED',
    pending: 'DID NOT END',
  }[result.state];
  return [parent, test.name, `${seen} (${Math.round(test.diagnostic()?.duration ?? 0)} ms)`];
}
