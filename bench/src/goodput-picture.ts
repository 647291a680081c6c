import type { Measured } from './overload.ts';

const WIDTH = 800;
const TOP = 40;
const ROW = 28;
const HEADING = 34;

/** Where the two columns begin. */
const SERVED = 190;
const NOBODY = 510;

/** The length of a bar of 100 %. */
const WHOLE = 230;

const LIGHT = {
  text: '#1f2328',
  faint: '#656d76',
  track: '#eaeef2',
  good: '#0969da',
  bad: '#bc4c00',
};
const DARK = {
  text: '#e6edf3',
  faint: '#8b949e',
  track: '#21262d',
  good: '#58a6ff',
  bad: '#f0883e',
};

const NOTES = [
  'Ten connections, a query of 100 ms, one minute. Half of the callers hang up after 150 ms, half wait 5 s and send a budget.',
  'Hang-ups alone: callers that hang up send no budget. Budgets too: they send one.',
];

/** Half of the callers wait, and the last ones of the minute wait for 5 s after it. */
const room = (load: number) =>
  load <= 2
    ? 'all who wait would fit'
    : `${Math.round((200 / load) * (65 / 60))} % of those who wait fit`;

/** The picture for a light and for a dark page, by file name. */
export function drawGoodput(measured: Measured[]): [file: string, svg: string][] {
  return [
    ['goodput.svg', draw(measured, LIGHT)],
    ['goodput-dark.svg', draw(measured, DARK)],
  ];
}

function draw(measured: Measured[], colours: typeof LIGHT): string {
  const { text, faint, track, good, bad } = colours;
  const loads = [...new Set(measured.map(({ load }) => load))];
  let y = TOP;
  const bar = (x: number, share: number, colour: string) => {
    const box = (width: number, fill: string) =>
      `<rect x="${x}" y="${y}" width="${width.toFixed(1)}" height="18" rx="3" fill="${fill}"/>`;
    const words = `<text x="${x + WHOLE + 8}" y="${y + 14}" fill="${text}">${Math.round(share * 100)} %</text>`;
    return box(WHOLE, track) + (share > 0.005 ? box(share * WHOLE, colour) : '') + words;
  };
  const body: string[] = [];
  for (const load of loads) {
    body.push(
      `<text x="0" y="${y + 14}" fill="${faint}">${load} times what it can do, ${room(load)}</text>`,
    );
    y += HEADING;
    for (const { name, served, forNobody } of measured.filter((it) => it.load === load)) {
      body.push(`<text x="0" y="${y + 14}" fill="${text}">${name}</text>`);
      body.push(bar(SERVED, served, good), bar(NOBODY, forNobody, bad));
      y += ROW;
    }
    y += 14;
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y + 36}" font-family="system-ui, sans-serif" font-size="14">`,
    '<title>A database under overload: who is served, and how much of its work is for nobody</title>',
    `<g font-weight="600" fill="${text}">`,
    `<text x="${SERVED}" y="18">Callers who wait and are served</text>`,
    `<text x="${NOBODY}" y="18">Database work for nobody</text>`,
    '</g>',
    ...body,
    `<g font-size="12" fill="${faint}">`,
    ...NOTES.map((note, n) => `<text x="0" y="${y + 12 + n * 17}">${note}</text>`),
    '</g>',
    '</svg>\n',
  ].join('\n');
}
