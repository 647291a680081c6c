import { readFileSync, writeFileSync } from 'node:fs';
import { inBothThemes, svg, type Theme } from '../../harness/picture.ts';
import { ROOT } from '../../processes/repository.ts';
import { RESULTS } from './results-file.ts';

/** A row of the table in RESULTS.md. Shares are from 0 to 1. */
interface Row {
  name: string;
  load: number;
  served: number;
  forNobody: number;
}

/** `| 1.5 | Express + pg | 15% | 0.0% | 11% | 89% | 88% |` */
const CELLS = /^\| ([\d.]+) +\| (\S[^|]*?) +\| +([\d.]+)% \|[^|]+\|[^|]+\| +([\d.]+)% \|[^|]+\|$/gm;

/** The names of the rows that the README shows, and what it calls them. */
const OVERLOAD = { 'Express + pg': 'the usual way', 'ours, hang-ups alone': 'this repository' };

const TOP = 36;
const LINE = 26;
const ROW = 38;
const BAR = 24;

interface Layout {
  /** Where the two columns begin, and how long a bar of 100% is. */
  served: number;
  forNobody: number;
  whole: number;
}
const WIDE: Layout = { served: 172, forNobody: 412, whole: 150 };
const NARROW: Layout = { served: 226, forNobody: 440, whole: 126 };

/** Draws the pictures of the goodput that is recorded in RESULTS.md; resolves with their paths. */
export function writePictures(): string[] {
  const pictures = goodputPictures(readFileSync(RESULTS, 'utf8'));
  for (const [path, picture] of pictures) writeFileSync(ROOT + path, picture);
  return pictures.map(([path]) => path);
}

/**
 * The pictures of the table in `results`, the text of RESULTS.md, by their paths.
 * @throws {Error} if there is no such table.
 */
export function goodputPictures(results: string): [path: string, picture: string][] {
  const rows = [...results.matchAll(CELLS)].map(([, load, name = '', served, forNobody]) => ({
    name,
    load: Number(load),
    served: Number(served) / 100,
    forNobody: Number(forNobody) / 100,
  }));
  if (rows.length === 0) throw new Error('RESULTS.md has no goodput');
  return [
    ...inBothThemes('goodput', (theme) => drawGoodput(rows, theme)),
    ...inBothThemes('overload', (theme) => drawOverload(rows, theme)),
  ];
}

/** The README's picture: the lower load, and two of the rows. */
function drawOverload(rows: Row[], theme: Theme): string {
  const load = Math.min(...rows.map((row) => row.load));
  const shown = Object.entries(OVERLOAD).flatMap(([name, words]) =>
    rows
      .filter((row) => row.load === load && row.name === name)
      .map((row) => ({ ...row, name: words })),
  );
  const intro = [
    `A database is asked for ${load} times what it can do.`,
    'Half of the callers give up after 150 ms, half wait.',
  ];
  const headings = 26 + intro.length * LINE;
  const bars = shown.flatMap((row, index) =>
    drawRow(row, headings + 14 + index * ROW, WIDE, theme),
  );
  return svg({
    height: headings + 14 + shown.length * ROW,
    title: `${intro.join(' ')} Who is served, and how much work is for nobody`,
    style: styleOf(theme),
    body: [
      ...intro.map((words, index) => text('note', 0, 18 + index * LINE, words)),
      ...headingsAt(headings, WIDE, 'patient callers served'),
      ...bars,
    ],
  });
}

/** Every row at every load. */
function drawGoodput(rows: Row[], theme: Theme): string {
  let y = 18;
  const body = headingsAt(y, NARROW, 'callers served');
  for (const load of new Set(rows.map((row) => row.load))) {
    y += TOP;
    body.push(text('note', 0, y, `${load} times what it can do: ${room(load)}`));
    y += 14;
    for (const row of rows.filter((each) => each.load === load)) {
      body.push(...drawRow(row, y, NARROW, theme));
      y += ROW;
    }
  }
  return svg({
    height: y,
    title: 'A database under overload: who is served, and how much of its work is for nobody',
    style: styleOf(theme),
    body,
  });
}

/** Half of the callers wait, and the last ones of the minute wait for 5 s after it. */
const room = (load: number) =>
  load <= 2
    ? 'enough for all who wait'
    : `enough for ${Math.round((200 / load) * (65 / 60))}% of those who wait`;

const text = (kind: string, x: number, y: number, words: string) =>
  `<text class="${kind}" x="${x}" y="${y}">${words}</text>`;

const headingsAt = (y: number, { served, forNobody }: Layout, who: string) => [
  text('heading', served, y, who),
  text('heading', forNobody, y, 'work for nobody'),
];

function drawRow(
  { name, served, forNobody }: Row,
  y: number,
  layout: Layout,
  theme: Theme,
): string[] {
  const bar = (x: number, share: number, colour: string) => {
    const box = (width: number, fill: string) =>
      `<rect x="${x}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" rx="3" fill="${fill}"/>`;
    const words = text('value', x + layout.whole + 6, y + 19, `${Math.round(share * 100)}%`);
    const filled = share > 0.005 ? box(share * layout.whole, colour) : '';
    return box(layout.whole, theme.line) + filled + words;
  };
  return [
    text('row', 0, y + 18, name),
    bar(layout.served, served, theme.work),
    bar(layout.forNobody, forNobody, theme.bad),
  ];
}

const styleOf = ({ text, faint }: Theme) =>
  `.note,.heading{font-size:18px;fill:${faint}}.heading{font-weight:600;fill:${text}}.row{font-size:19px;fill:${text}}.value{font-size:19px;font-weight:700;fill:${text}}`;
