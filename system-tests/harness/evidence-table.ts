import type { Reporter, TestCase, TestModule, Vitest } from 'vitest/node';

const HEADINGS = ['what was done', 'what was promised', 'what was seen'];

/** Ends a run in a table of its scenes. */
export class EvidenceTable implements Reporter {
  #log: (line: string) => void = () => {};

  onInit({ logger }: Vitest): void {
    this.#log = (line) => logger.log(line);
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const scenes = modules.flatMap((module) => [...module.children.allTests()]);
    const rows = scenes.flatMap((scene) => {
      const { done, promised } = scene.meta();
      return done && promised ? [[done, promised, seen(scene)]] : [];
    });
    if (rows.length === 0) return;
    const widths = HEADINGS.map((heading, column) =>
      Math.max(...[HEADINGS, ...rows].map((row) => row[column]?.length ?? heading.length)),
    );
    const rule = widths.map((width) => '-'.repeat(width));
    this.#log('');
    for (const row of [HEADINGS, rule, ...rows]) {
      const cells = row.map((cell, column) => cell.padEnd(widths[column] ?? 0));
      this.#log(cells.join('  ').trimEnd());
    }
  }
}

function seen(scene: TestCase): string {
  const result = scene.result();
  if (result.state === 'skipped') return `skipped: ${result.note ?? 'not run'}`;
  if (result.state === 'passed') return scene.meta().seen ?? 'as promised';
  return `FAILED: ${result.errors?.[0]?.message?.split('\n')[0] ?? result.state}`;
}
