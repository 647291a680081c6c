import { type Report, TRAPS } from './all-traps.ts';
import { cell, link, linked, table } from './table.ts';

/** The page for all versions. `lines` has the reports of each release line, oldest first. */
export function page(lines: Report[][]): string {
  const all = lines.flat();
  const newest = lines.flatMap((reports) => reports.slice(-1));
  const traps = TRAPS.map((trap, at) => ({ ...trap, at }));

  const main = table(
    ['trap', ...newest.map(({ version }) => `Node ${version}`), 'with request-scope', 'issue'],
    traps.map(({ name, issues, at }) => {
      const alone = newest.map(({ rows }) => cell(rows[at]?.node));
      return [name, ...alone, ours(all, at), issues.map(link).join(', ') || 'none found'];
    }),
  );
  const changed = traps.filter(({ at }) => spans(all, at).length > 1);
  const changes = table(
    ['trap', ...newest.map(({ version }) => `Node ${Number.parseInt(version, 10)}`)],
    changed.map(({ name, at }) => [name, ...lines.map((reports) => spans(reports, at).join('; '))]),
  );
  const notes = traps.flatMap(({ name, note }) => (note ? [`- ${name}. ${linked(note)}\n`] : []));

  return `# What Node gets wrong about a request that ends early

\`npm run traps:write\` generates this page: it runs \`research/node-traps/\` on every version of Node
named here. Do not edit it. \`npm run traps\` tries your own version.

Each row is a situation in which a program relies on the event or the call that the row names. The
columns of Node show what Node does alone. "With request-scope" is the same situation with
\`requestScope\`, \`withTimeout\` or \`GracefulShutdown.drain\`, measured on every version on this page.

${main}
Where both are wrong, no Node program can see the hang-up: read or drain the body first. On versions
that are wrong in the last row, end a scope with \`scope[Symbol.dispose]()\` in \`finally\`.

## Where it changed

This table shows what Node does alone on each version that was run. Versions between two of them were
not run.

${changes}
## Notes (cited, not measured)

${notes.join('')}`;
}

/** The verdicts on Node alone as ranges of versions, in order: `24.0.0 to 24.15.0 n/a`. */
function spans(reports: Report[], at: number): string[] {
  const found: { verdict: string; first: string; last: string }[] = [];
  for (const { version, rows } of reports) {
    const verdict = rows[at]?.node.verdict ?? 'n/a';
    const span = found.at(-1);
    if (span?.verdict === verdict) span.last = version;
    else found.push({ verdict, first: version, last: version });
  }
  return found.map(({ verdict, first, last }) => {
    const versions = first === last ? first : `${first} to ${last}`;
    return `${versions} ${verdict === 'wrong' ? '**wrong**' : verdict}`;
  });
}

/** The findings with request-scope: one text if all versions agree, else one per version. */
function ours(reports: Report[], at: number): string {
  const cells = reports.map(({ version, rows }) => ({ version, text: cell(rows[at]?.ours) }));
  const texts = [...new Set(cells.map(({ text }) => text))];
  if (texts.length === 1) return texts.join();
  return cells.map(({ version, text }) => `${version} ${text}`).join('; ');
}
