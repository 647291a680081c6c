import { type Finding, NOT_AVAILABLE } from './trap.ts';

/** A Markdown table with aligned columns, to be read in a terminal, too. */
export function table(head: string[], rows: string[][]): string {
  const widths = head.map((_, at) =>
    Math.max(...[head, ...rows].map((row) => row[at]?.length ?? 0)),
  );
  const line = (row: string[], fill = ' ') =>
    `| ${row.map((text, at) => text.padEnd(widths[at] ?? 0, fill)).join(' | ')} |\n`;
  const rule = line(
    head.map(() => ''),
    '-',
  );
  return [line(head), rule, ...rows.map((row) => line(row))].join('');
}

export function cell({ verdict, saw }: Finding = NOT_AVAILABLE): string {
  if (verdict === 'n/a') return verdict;
  return verdict === 'wrong' ? `**wrong**: ${saw}` : `right: ${saw}`;
}

/** A link to an issue or a pull request of Node: GitHub redirects from one to the other. */
export function link(issue: number): string {
  return `[#${issue}](https://github.com/nodejs/node/issues/${issue})`;
}

/** Turns issues in a sentence, such as #1, into links. */
export function linked(text: string): string {
  return text.replace(/#(\d+)/g, (_, issue) => link(Number(issue)));
}
