import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';

/** The file with the results of each benchmark. */
export const RESULTS = new URL('../RESULTS.md', import.meta.url);

/** The machine and the Node of this run. */
export const MACHINE = `Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model}`;

/** Writes the results of `command` into RESULTS.md, in place of its previous results. */
export function record(command: string, text: string): void {
  const heading = `## \`${command}\``;
  const file = existsSync(RESULTS) ? readFileSync(RESULTS, 'utf8') : '# Results\n';
  const [intro = '', ...parts] = file.split(/\n(?=## )/);
  const part = `${heading}\n\n${text}\n`;
  const isThis = (other: string) => other.startsWith(`${heading}\n`);
  const kept = parts.some(isThis)
    ? parts.map((other) => (isThis(other) ? part : other))
    : [...parts, part];
  writeFileSync(RESULTS, [intro, ...kept].map((each) => `${each.trimEnd()}\n`).join('\n'));
}
