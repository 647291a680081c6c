import Table from 'cli-table3';
import type { Reporter, TestCase, TestModule, Vitest } from 'vitest/node';

/** The projects whose tests are scenes. The others have too many tests for a table. */
const PROJECTS = ['slow', 'compose', 'kubernetes'];

/** Prints a table of the scenes at the end of a run: what was done, promised and seen. */
export class SceneTable implements Reporter {
  #log: (line: string) => void = () => {};

  onInit({ logger }: Vitest): void {
    this.#log = (line) => logger.log(line);
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const scenes = modules.filter(({ project }) => PROJECTS.includes(project.name));
    if (scenes.length === 0) return;
    const table = new Table({
      colWidths: [34, 44, 50],
      wordWrap: true,
      style: { head: [], border: [] },
    });
    table.push(['what was done', 'what was promised', 'what was seen']);
    for (const module of scenes) {
      for (const test of module.children.allTests()) table.push(row(test));
    }
    this.#log(`\n${table}\n`);
  }
}

function row(test: TestCase): string[] {
  const { done = test.fullName, promised = '' } = test.meta();
  return [done, promised, seen(test)];
}

function seen(test: TestCase): string {
  const result = test.result();
  if (result.state === 'skipped') return `skipped: ${result.note ?? 'not run'}`;
  if (result.state === 'passed') return test.meta().seen ?? '';
  return `FAILED: ${result.errors?.[0]?.message?.split('\n')[0] ?? result.state}`;
}
