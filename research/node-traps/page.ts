import { type Report, TRAPS } from './all-traps.ts';
import { cell, link, linked, table } from './table.ts';
import type { Trap } from './trap.ts';

/** The page for all versions. Each element of `lines` has the reports of one release line of Node; both
 * lists are oldest first. */
export function page(lines: Report[][]): string {
  const all = lines.flat();
  const versions = lines.map((reports) => reports.map(({ version }) => version).join(', '));
  const results = table(
    [
      'trap',
      'what goes wrong',
      ...lines.map((reports) => `Node ${Number.parseInt(reports[0]?.version ?? '', 10)}`),
      'with request-scope',
      'cited, not measured here',
    ],
    TRAPS.map((trap, at) => [
      trap.name,
      wrong(all, at),
      ...lines.map((reports) => spans(reports, at)),
      ours(all, at),
      cited(trap),
    ]),
  );
  return `# What Node gets wrong about a request that ends early

For Node developers who ask which event or call they can rely on in their version. \`npm run traps\`
tries the one you run. \`npm run traps:write\` generates this page: do not edit it.

The columns of Node show what Node does alone. "With request-scope" is the same situation with
\`requestScope\`, \`withTimeout\` or \`GracefulShutdown.drain\`. Both were run on these versions, and on
none in between:

${versions.map((line) => `- ${line}\n`).join('')}
${results}`;
}

/** What Node did on the versions that were wrong. */
function wrong(reports: Report[], at: number): string {
  const nodes = reports.flatMap(({ rows }) => rows[at]?.node ?? []);
  const saw = nodes.filter(({ verdict }) => verdict === 'wrong').map((finding) => finding.saw);
  return [...new Set(saw)].join('; ');
}

/** The verdicts on Node alone: `right`, or by version `**wrong** to 24.15.0, right from 24.16.0`. */
function spans(reports: Report[], at: number): string {
  const found: { verdict: string; first: string; last: string }[] = [];
  for (const { version, rows } of reports) {
    const verdict = rows[at]?.node.verdict ?? 'n/a';
    const span = found.at(-1);
    if (span?.verdict === verdict) span.last = version;
    else found.push({ verdict, first: version, last: version });
  }
  const texts = found.map(({ verdict, first, last }, index) => {
    const text = verdict === 'wrong' ? '**wrong**' : verdict;
    if (found.length === 1) return text;
    if (index === 0) return `${text} to ${last}`;
    if (index === found.length - 1) return `${text} from ${first}`;
    return `${text} ${first === last ? first : `${first} to ${last}`}`;
  });
  return texts.join(', ');
}

/** The findings with request-scope: one text if all versions agree, else one per version. */
function ours(reports: Report[], at: number): string {
  const cells = reports.map(({ version, rows }) => ({ version, text: cell(rows[at]?.ours) }));
  const texts = [...new Set(cells.map(({ text }) => text))];
  if (texts.length === 1) return texts.join();
  return cells.map(({ version, text }) => `${version} ${text}`).join('; ');
}

/** The note on a trap, after the issues that it does not name itself. */
function cited({ issues, note = '' }: Trap): string {
  const others = issues.filter((issue) => !note.includes(`#${issue}`)).map(link);
  return [others.join(', '), linked(note)].filter(Boolean).join('. ') || 'no issue found';
}
