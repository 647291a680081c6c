import Table from 'cli-table3';
import { duration, type Money, type OrderRun } from './order-run.ts';
import { type Outcome, usualWay } from './scenes.ts';
import { colors } from './terminal.ts';

/** A scene that has been played. */
export interface Played {
  number: string;
  title: string;
  outcome: Outcome;
  ours: OrderRun;
  usual: OrderRun;
}

const PAINT: Record<Money, (text: string) => string> = {
  'not charged': colors.green,
  'charged once': colors.yellow,
  'taken back': colors.magenta,
  'charged more than once': colors.red,
};

const NUMBER = 4;
const STOPPED = 13;
const MONEY = 13;

/** The table of the scenes, in lines of at most `columns`. */
export function summary(played: Played[], columns: number): string {
  const left = columns - NUMBER - STOPPED - MONEY;
  const title = Math.round(left * 0.6);
  const table = new Table({
    colWidths: [NUMBER, title, STOPPED, MONEY, left - title],
    wordWrap: true,
    chars: NO_BORDERS,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 1 },
  });
  table.push(['', 'scene', 'work stopped', 'money', 'the usual way']);
  for (const { number, title, outcome, ours, usual } of played) {
    const mark = outcome.kept ? colors.green('✓') : colors.red('✗');
    const money = PAINT[ours.money](ours.money);
    table.push([`${mark} ${number}`, title, outcome.stopped, money, usualWay(usual)]);
  }
  const lines = table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd());
  return lines.join('\n');
}

/** What both systems did for nobody, in a line each. */
export function totals(played: Played[]): string[] {
  const of = (runs: OrderRun[]) => {
    const workMs = runs.reduce((sum, { forNobodyMs }) => sum + forNobodyMs, 0);
    const failed = runs.filter(({ ended }) => ended?.how !== 200);
    const charged = failed.filter(({ money }) => money.startsWith('charged')).length;
    const work = workMs > 0 ? `${duration(workMs)} of work` : 'no work';
    return `${work} for nobody, charges for failed orders: ${charged}`;
  };
  return [
    `the usual way    ${of(played.map(({ usual }) => usual))}`,
    `this repository  ${of(played.map(({ ours }) => ours))}`,
  ];
}

const NO_BORDERS = Object.fromEntries(
  ['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right']
    .concat(['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid', 'middle'])
    .map((name) => [name, '']),
);
