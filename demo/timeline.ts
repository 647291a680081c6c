import { SERVICES, type ShortName } from '../services.ts';
import { type Bar, duration, type Happened, type OrderRun } from './order-run.ts';
import { colors } from './terminal.ts';

/** A colour says what happened, not to which service. */
const paint = {
  work: colors.blue,
  forNobody: colors.red,
  canceled: colors.green,
  charged: colors.yellow,
  voided: colors.magenta,
  failed: colors.red,
};
type Paint = (text: string) => string;
type Text = [text: string, paint: Paint];

/** The same order in both systems. */
export interface Shown {
  ours: { run: OrderRun };
  usual: { run: OrderRun };
  happened: Happened;
}

interface Row {
  name: string;
  /** Unix times in milliseconds; without an end, it still goes on. */
  bars: { from: number; to?: number | undefined; dot: string; paint: Paint }[];
  /** Stands behind the last bar. */
  label: Text[];
}

const NAME_COLUMNS = 11;
const LABEL_COLUMNS = 24;
const NOMINAL_SECONDS = 5;

/**
 * Draws the order as it is at `now`, in lines of at most `columns`: one bar per service, one for the usual way. A
 * second of the axis is `scale` seconds.
 */
export function drawTimeline(order: Shown, scale: number, now: number, columns: number): string[] {
  const { placedAt } = order.ours.run;
  const rows = rowsOf(order, now);
  const ends = rows.flatMap(({ bars }) => bars.map(({ to = now }) => to));
  const seconds = (Math.max(...ends) - placedAt) / 1_000 / scale;
  // Nothing moves as long as the longest bar ends about where it should.
  const span = Math.max(NOMINAL_SECONDS, Math.round(seconds));
  const perSecond = (columns - NAME_COLUMNS - LABEL_COLUMNS) / span;
  const cell = (time: number) => Math.round(((time - placedAt) / 1_000 / scale) * perSecond);
  const tick = (second: number) => `${second * scale} s`;
  const longest = Math.max(...Array.from({ length: span }, (_, second) => tick(second).length));
  const step = Math.ceil((longest + 1) / perSecond);
  let axis = '';
  for (let second = 0; second <= span; second += step) {
    axis = axis.padEnd(NAME_COLUMNS + Math.round(second * perSecond)) + tick(second);
  }
  return [axis, ...rows.map((row) => drawRow(row, cell, now, columns))];
}

function drawRow(
  { name, bars, label }: Row,
  cell: (time: number) => number,
  now: number,
  columns: number,
) {
  let line = name.padEnd(NAME_COLUMNS);
  let end = 0;
  for (const { from, to = now, dot, paint } of bars) {
    const begin = Math.max(end, cell(from));
    const length = Math.max(from === to ? 1 : 0, cell(to) - begin);
    line += ' '.repeat(begin - end) + paint(dot.repeat(length));
    end = begin + length;
  }
  let room = columns - NAME_COLUMNS - end;
  for (const [text, paint] of label) {
    const shown = text.length <= room ? text : `${text.slice(0, Math.max(0, room - 1))}…`;
    if (room > 0) line += paint(shown);
    room -= shown.length;
  }
  return line.trimEnd();
}

function rowsOf({ ours: { run }, usual, happened }: Shown, now: number): Row[] {
  const { signaledAt, cutAt, healedAt } = happened;
  const client = { from: run.placedAt, to: run.ended?.at };
  const rows: Row[] = [{ name: 'client', bars: split(client, now), label: clientLabel(run) }];
  if (signaledAt) {
    const mark = { from: signaledAt, to: signaledAt, dot: '▼', paint: paint.failed };
    rows.push({ name: '', bars: [mark], label: [[' SIGTERM to order-service', paint.failed]] });
  }
  for (const { name } of SERVICES) {
    if (name === 'payment' && cutAt) {
      const cut = { from: cutAt, to: healedAt, dot: '╳', paint: paint.failed };
      rows.push({
        name: 'network',
        bars: [cut],
        label: [[' cut: no hang-up gets through', paint.failed]],
      });
    }
    const bar = run.bars.get(name);
    const label = bar ? serviceLabel(name, bar, run) : [];
    rows.push({ name, bars: bar ? split(bar, now, run.leftAt) : [], label });
  }
  const { placedAt, leftAt, chargedAt } = usual.run;
  const bars = split({ from: placedAt, to: chargedAt }, now, leftAt);
  return [...rows, { name: 'usual way', bars, label: usualLabel(usual.run) }];
}

/** The work while somebody waits, and the work for nobody. */
function split({ from, to }: Bar, now: number, leftAt = Number.POSITIVE_INFINITY): Row['bars'] {
  const forNobody = { from: leftAt, to, dot: '░', paint: paint.forNobody };
  const isOver = (to ?? now) > leftAt;
  const work = { from, to: isOver ? leftAt : to, dot: '━', paint: paint.work };
  return isOver ? [work, forNobody] : [work];
}

function clientLabel({ ended, deadline }: OrderRun): Text[] {
  if (!ended) return [];
  if (ended.how === 200) return [[' ✓ 200', String]];
  const isLate = ended.at >= deadline ? ', its time is up' : '';
  if (ended.how === 'hung up') return [[' ✕ hangs up', paint.failed]];
  return [[` ✕ ${ended.how}${isLate}`, paint.failed]];
}

function serviceLabel(name: ShortName, { to, cause }: Bar, run: OrderRun): Text[] {
  if (to === undefined) return [];
  const label: Text[] = [];
  if (cause && run.leftAt !== undefined) {
    const isOwnTimer = cause === 'deadline-exceeded' && name !== 'order';
    const when = isOwnTimer ? 'by its own timer' : `${duration(to - run.leftAt)} later`;
    label.push([` ✓ stopped ${when}`, paint.canceled]);
  }
  if (name === 'payment' && run.chargedAt) label.push([' charged', paint.charged]);
  if (name === 'payment' && run.voidedAt)
    label.push([run.chargedAt ? ', taken back' : ', voided', paint.voided]);
  return label;
}

function usualLabel({ ended, chargedAt }: OrderRun): Text[] {
  if (!chargedAt) return [];
  if (ended?.how === 'no answer') return [[' killed, but charged', paint.charged]];
  return [[ended?.how === 200 || !ended ? ' charged' : ' charged anyway', paint.charged]];
}
