import { type Finding, NOT_THERE } from './trap.ts';

/** A Markdown table, its columns aligned for those who read it in a terminal. */
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

export function cell({ verdict, saw }: Finding = NOT_THERE): string {
  if (verdict === 'n/a') return verdict;
  return verdict === 'wrong' ? `**wrong**: ${saw}` : `right: ${saw}`;
}

/** A link to an issue or pull request of Node's; GitHub leads from one to the other. */
export function link(issue: number): string {
  return `[#${issue}](https://github.com/nodejs/node/issues/${issue})`;
}

/** The issues in a sentence, such as #1, as links. */
export function linked(text: string): string {
  return text.replace(/#(\d+)/g, (_, issue) => link(Number(issue)));
}
