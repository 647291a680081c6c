import { inBothThemes, metadataOf, svg, type Theme } from '../harness/picture.ts';
import { duration, type OrderRun, seconds } from './order-run.ts';

/** When a service began and ended, in milliseconds since the order was placed. */
type Span = [from: number, to: number];
const ROWS = ['order', 'inventory', 'payment'] as const;
type Spans = Record<(typeof ROWS)[number], Span>;

/** An order whose client hangs up during the payment, in both systems. */
export interface HangUp {
  /** When the client hangs up, in milliseconds since the order was placed. */
  leftMs: number;
  /** How long our services worked on after that. */
  stoppedMs: number;
  usual: Spans;
  ours: Spans;
}

/**
 * Takes what the picture shows from a run of both systems.
 * @throws {Error} if the order was not hung up, stopped and not charged in ours, and charged in the usual way.
 */
export function hangUpOf(ours: OrderRun, usual: OrderRun): HangUp {
  const { placedAt, leftAt = placedAt, stoppedMs, money } = ours;
  const spansOf = ({ bars }: OrderRun) => {
    const span = (name: (typeof ROWS)[number]): Span => {
      const { from = Number.NaN, to = Number.NaN } = bars.get(name) ?? {};
      return [from - placedAt, to - placedAt];
    };
    return { order: span('order'), inventory: span('inventory'), payment: span('payment') };
  };
  const run = { leftMs: leftAt - placedAt, usual: spansOf(usual), ours: spansOf(ours) };
  const isWhole = [run.usual, run.ours].every((spans) =>
    Object.values(spans).flat().every(Number.isFinite),
  );
  if (!isWhole || stoppedMs === undefined || money !== 'not charged' || !usual.chargedAt)
    throw new Error('the recorded run is not the one that the picture shows');
  return { stoppedMs, ...run };
}

/** The pictures of a run, by their paths. The run itself stands in their metadata. */
export const hangUpPictures = (run: HangUp) => inBothThemes('hang-up', (theme) => draw(run, theme));

/** The run in the metadata of a picture. */
export const recordedIn = (picture: string): HangUp => metadataOf(picture);

/** It plays in real time, then the result stands for a while; after the last round it stays. */
const ROUND_S = 9;
const ROUNDS = 3;
const FADE_S = 0.12;

const LEFT = 104;
const SECOND = 66;
const SECONDS = 5;
const BAR = 22;
const ROW = 30;
const USUAL = 58;
const OURS = 190;
const FIRST_ROW = 12;
const BOTTOM = OURS + FIRST_ROW + 3 * ROW;

const x = (ms: number) => Math.round((LEFT + (ms / 1_000) * SECOND) * 10) / 10;

function draw(run: HangUp, theme: Theme): string {
  const keyframes: string[] = [];
  /** Adds an animation that lasts from `fromMs` to `toMs`; returns its class. */
  const animation = (before: string, after: string, fromMs: number, toMs: number) => {
    const name = `a${keyframes.length}`;
    const at = (ms: number) => `${(ms / ROUND_S / 10).toFixed(2)}%`;
    keyframes.push(
      `@keyframes ${name}{0%,${at(fromMs)}{${before}}${at(toMs)},100%{${after}}}.${name}{animation:${name} ${ROUND_S}s linear ${ROUNDS}}`,
    );
    return name;
  };
  const bar = (y: number, [fromMs, toMs]: Span, kind: 'work' | 'nobody') => {
    const grows = animation('clip-path:inset(0 100% 0 0)', 'clip-path:inset(0)', fromMs, toMs);
    const width = Math.max(0, x(toMs) - x(fromMs)).toFixed(1);
    return `<rect class="${kind} ${grows}" x="${x(fromMs)}" y="${y}" width="${width}" height="${BAR}" rx="3"/>`;
  };
  const later = (ms: number, ...body: string[]) =>
    `<g class="${animation('opacity:0', 'opacity:1', ms, ms + FADE_S * 1_000)}">${body.join('')}</g>`;
  const text = (kind: string, x: number, y: number, words: string, more = '') =>
    `<text class="${kind}" x="${x}" y="${y}"${more}>${words.replace('<', '&lt;')}</text>`;

  const side = (y: number, name: string, spans: Spans, gridSeconds: number) => [
    text('name', 0, y, name),
    ...Array.from({ length: gridSeconds + 1 }, (_, second) =>
      line(x(second * 1_000), y + 8, y + FIRST_ROW + 3 * ROW),
    ),
    ...ROWS.flatMap((row, index) => {
      const top = y + FIRST_ROW + index * ROW;
      const [from, to] = spans[row];
      const splitMs = Math.max(from, Math.min(to, run.leftMs));
      return [
        text('row', 0, top + 17, row),
        bar(top, [from, splitMs], 'work'),
        ...(x(to) - x(splitMs) >= 1 ? [bar(top, [splitMs, to], 'nobody')] : []),
      ];
    }),
  ];
  const line = (x: number, from: number, to: number) =>
    `<path class="grid" d="M${x} ${from}V${to}"/>`;
  const rowText = (y: number, row: number) => y + FIRST_ROW + row * ROW + 18;
  const chargedMs = run.usual.payment[1];
  const overMs = chargedMs - run.leftMs;
  const end = x(chargedMs) + 10;
  const stopped = x(run.leftMs) + 12;
  const middle = ' text-anchor="middle"';

  const body = [
    ...side(USUAL, 'the usual way', run.usual, SECONDS),
    ...side(OURS, 'this repository', run.ours, Math.floor(run.leftMs / 1_000)),
    ...Array.from({ length: SECONDS + 1 }, (_, second) =>
      text('axis', x(second * 1_000), BOTTOM + 20, `${second} s`, middle),
    ),
    later(
      chargedMs,
      text('end bad', end, rowText(USUAL, 0), `${seconds(overMs)} for nobody`),
      `<circle cx="${end + 8}" cy="${rowText(USUAL, 2) - 7}" r="8" fill="${theme.coin}"/>`,
      text('end bad', end + 22, rowText(USUAL, 2), 'charged'),
    ),
    later(
      run.leftMs + run.stoppedMs,
      text('end good', stopped, rowText(OURS, 0), `✓ stopped in ${duration(run.stoppedMs)}`),
      text('end good', stopped, rowText(OURS, 2), '✓ not charged'),
    ),
    later(
      run.leftMs,
      `<path class="left" d="M${x(run.leftMs)} 32V${BOTTOM}"/>`,
      text('end bad', x(run.leftMs), 22, '✕ the client hangs up', middle),
    ),
  ];
  return svg({
    height: BOTTOM + 28,
    title: TITLE,
    style: [
      `.name{font-size:20px;font-weight:700;fill:${theme.text}}.row{font-size:19px;fill:${theme.text}}.axis{font-size:18px;fill:${theme.faint}}.end{font-size:20px;font-weight:700}`,
      `.bad{fill:${theme.bad}}.good{fill:${theme.good}}.work{fill:${theme.work}}.nobody{fill:url(#hatch)}.grid{stroke:${theme.line}}.left{stroke:${theme.bad};stroke-width:2.5;stroke-dasharray:6 5}`,
      '@media (prefers-reduced-motion:no-preference){',
      ...keyframes,
      '}',
    ].join('\n'),
    body: [
      `<metadata>${JSON.stringify(run)}</metadata>`,
      `<defs><pattern id="hatch" width="9" height="9" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="9" height="9" fill="${theme.pale}"/><rect width="4.5" height="9" fill="${theme.bad}"/></pattern></defs>`,
      ...body,
    ],
  });
}

const TITLE =
  'One order in two systems. Its client hangs up after three seconds. The usual way, the work runs on for two seconds and the order is charged. In this repository the work stops within milliseconds, and nothing is charged.';
