// @ts-check
import { isLost, now } from './connection.js';
import { html, nothing, render } from './dom.js';
import { duration, milliseconds, seconds } from './durations.js';
import {
  actions,
  aftermath,
  endOf,
  hasLeft,
  isLate,
  isOpen,
  isTimeUp,
  LANES,
  leftAt,
  overMs,
  runOf,
  sides,
} from './runs.js';
import { storyOf } from './story.js';

/** @import { Bar, Lane, Order, Run, Side, SideName } from './runs.js' */
/** @typedef {{ time: number, text: string, isBad: boolean, sides: SideName[] }} Mark */

/** The lengths of the axis. An order takes 5 s, so the first holds it from beginning to end. */
const SPANS_MS = [8_000, 12_000, 20_000, 40_000, 80_000, 160_000, 320_000];

/** Marks of both sides that are this close are one. */
const SAME_MS = 150;

/** Of a letter in a mark's label. */
const LETTER_PX = 7;

/**
 * Draws an order: both sides on one axis, and the moments that matter as lines through them.
 *
 * @param {HTMLElement} root
 * @param {Order | undefined} order
 */
export function drawChart(root, order) {
  const from = order?.from ?? now();
  const lengthMs = Math.max(0, ...(order?.runs.map(endOf) ?? [])) - from;
  const spanMs = SPANS_MS.find((ms) => ms >= lengthMs) ?? lengthMs;
  const at = (/** @type {number} */ time) => (100 * (time - from)) / spanMs;
  const marks = order ? marksOf(order) : [];
  const tickMs =
    spanMs > 40_000 ? 20_000 : spanMs > 20_000 ? 5_000 : spanMs > 8_000 ? 2_000 : 1_000;
  const ticks = Array.from(
    { length: Math.floor(spanMs / tickMs) + 1 },
    (_, index) => index * tickMs,
  );
  const rows = rowsOf(marks, at, root.querySelector('.lines')?.clientWidth ?? root.clientWidth);
  render(
    html`<div class="marks" .style=${`--rows:${Math.max(1, ...rows.map((row) => row + 1))}`}>
        ${marks.map((mark, index) => labelOfMark(mark, at(mark.time), rows[index] ?? 0))}
      </div>
      ${sides.map((side) => sideView(side, order, at, marks))}
      <div class="axis">
        ${ticks.map((ms) => html`<span class="tick" .style=${`left:${at(from + ms)}%`}>${ms / 1_000} s</span>`)}
      </div>
      <div class="lines">
        ${ticks.map((ms) => html`<i class="grid" .style=${`left:${at(from + ms)}%`}></i>`)}
        ${order?.runs.some(isOpen) && !isLost() ? html`<i class="now" .style=${`left:${at(now())}%`}></i>` : nothing}
        ${marks
          .filter((mark) => isThroughAll(mark))
          .map((mark) => html`<i class=${lineClass(mark)} .style=${`left:${at(mark.time)}%`}></i>`)}
      </div>`,
    root,
  );
}

const isThroughAll = (/** @type {Mark} */ mark) => mark.sides.length === sides.length;
const lineClass = (/** @type {Mark} */ { isBad }) => (isBad ? 'moment bad' : 'moment');

/** @type {(side: Side, order: Order | undefined, at: (time: number) => number, marks: Mark[]) => unknown} */
function sideView(side, order, at, marks) {
  const { name, title, isCut, isRestarting, isOrderGone } = side;
  const run = runOf(order, name);
  const absent = { verdict: '', why: order ? 'this order was not sent here' : '', tone: '' };
  const { verdict, why, tone } = run ? storyOf(run) : absent;
  const state = [
    isCut && 'network cut',
    isRestarting && `order-service ${isOrderGone ? 'restarts' : 'shuts down'}`,
  ].filter(Boolean);
  const own = marks.filter((mark) => !isThroughAll(mark) && mark.sides.includes(name));
  return html`<section class="side" id=${name} aria-label=${title}>
    <div class="title">
      <h2>${title}</h2>
      <span class="verdict ${tone}">${verdict}</span>
      <span class="why"><span>${why}</span></span>
      <span class="state">${state.join(', ')}</span>
    </div>
    <div class="lanes">
      <div class="own">
        ${own.map((mark) => html`<i class=${lineClass(mark)} .style=${`left:${at(mark.time)}%`}></i>`)}
      </div>
      <div role="list">${LANES.map((lane) => laneView(lane, run, at))} ${moneyView(run, at)}</div>
    </div>
  </section>`;
}

/** @type {(lane: Lane, run: Run | undefined, at: (time: number) => number) => unknown} */
function laneView(lane, run, at) {
  const bar = run?.bars.get(lane);
  if (!run || !bar)
    return html`<div class="lane ${lane}" role="listitem"><span class="name">${lane}</span><div class="track"></div></div>`;
  const { from, to = now(), budgetMs } = bar;
  const split = Math.min(to, Math.max(from, leftAt(run)));
  const over = lane === 'order' ? 'bar waits' : 'bar over';
  const hasBudget = run.bars.get('order')?.budgetMs !== undefined;
  return html`<div class="lane ${lane}" role="listitem">
    <span class="name">${lane}</span>
    <div class="track" .style=${`--from:${at(from)}%;--to:${at(to)}%`}>
      <i class="bar" .style=${place(at(from), at(split))}></i>
      ${to > split ? html`<i class=${over} .style=${place(at(split), at(to))}></i>` : nothing}
      ${
        hasBudget && budgetMs !== undefined && lane !== 'order'
          ? html`<span class="chip">${milliseconds(budgetMs)}<span class="left"> left</span></span>`
          : nothing
      }
      <span class=${at(to) > 72 ? 'label late' : 'label'}>${labelOf(lane, run, bar)}</span>
    </div>
  </div>`;
}

const place = (/** @type {number} */ from, /** @type {number} */ to) =>
  `left:${from}%;width:${Math.max(0, to - from)}%`;

/** @type {(lane: Lane, run: Run, bar: Bar) => unknown} the words at the end of a bar */
function labelOf(lane, run, bar) {
  const { to, stoppedBy, isGone } = bar;
  const overIn = overMs(run, lane);
  if (isGone) return html`<b class="bad">✕ killed at once</b>`;
  if (!to) {
    if (isLost()) return 'unknown';
    const isRunningOn = lane !== 'order' && hasLeft(run) && aftermath(run) === 'runs on';
    return isRunningOn ? html`<b class="bad">${duration(overIn)} for nobody</b>` : nothing;
  }
  if (lane === 'order') return orderLabel(run, bar);
  if (stoppedBy && isLate(run, bar))
    return html`<span class="good">✓ began late, stopped in ${duration(overIn)}</span>`;
  if (stoppedBy) return stopView(duration(overIn), reasonOf(stoppedBy, lane));
  return overIn > 0 ? html`<b class="bad">${duration(overIn)} for nobody</b>` : nothing;
}

/** @type {(run: Run, bar: Bar) => unknown} */
function orderLabel(run, { stoppedBy }) {
  const { outcome, status, order, endedAt = 0 } = run;
  const when = seconds(endedAt - order.from);
  if (outcome === 'processed') return html`answered 200 at ${when}`;
  if (isTimeUp(run) && status)
    return html`<span class="good">✓ answered ${status} at ${when}</span><span class="reason"> · its time is up</span>`;
  if (stoppedBy && outcome === 'hung up')
    return stopView(duration(overMs(run, 'order')), reasonOf(stoppedBy, 'order'));
  if (outcome === 'failed')
    return html`<b class="bad">✕ ${status ? `answered ${status}` : 'no answer'} at ${when}</b>`;
  return overMs(run, 'order') > 0 ? html`<span class="bad">waited on</span>` : nothing;
}

/** Why a service stopped, by the code that it logs. @type {(code: string, lane: Lane) => unknown} */
function reasonOf(code, lane) {
  switch (code) {
    case 'client-disconnected':
      return lane === 'order'
        ? 'client hung up'
        : html`order<span class="wide">-service</span> hung up`;
    case 'deadline-exceeded':
      return 'its own timer';
    case 'voided':
      return 'its void';
    default:
      return code.replace('-', ' ');
  }
}

const stopView = (/** @type {string} */ after, /** @type {unknown} */ reason) =>
  html`<span class="good">✓ <span class="wide">stopped </span>${after}<span class="wide"> later</span></span>
    <span class="reason"> · ${reason}</span>`;

/** @typedef {{ time: number, coin: '' | 'charged' | 'back', words: unknown, tone: string }} MoneyEvent */

/** @type {(run: Run | undefined, at: (time: number) => number) => unknown} the charge, and what undoes it */
function moneyView(run, at) {
  const events = run ? moneyOf(run) : [];
  return html`<div class="lane money" role="listitem">
    <span class="name">money</span>
    <div class="track">
      ${events.map(({ time, coin, words, tone }) => {
        const x = at(time);
        const end = x > 80 ? ' last' : x > 40 ? ' late' : '';
        return html`<span class=${`event${end}`} .style=${`--at:${x}%`}>
          ${coin ? html`<i class="coin ${coin}"></i>` : nothing} <span class=${tone}>${words}</span>
        </span>`;
      })}
    </div>
  </div>`;
}

/** @type {(run: Run) => MoneyEvent[]} */
function moneyOf(run) {
  const { chargedAt, voidedAt, order, outcome, side } = run;
  const isFailed = hasLeft(run);
  const voided = voidedAt === undefined ? '' : seconds(voidedAt - order.from);
  if (chargedAt && voidedAt)
    return [
      { time: chargedAt, coin: 'charged', words: '', tone: '' },
      { time: voidedAt, coin: 'back', words: `taken back at ${voided}`, tone: 'good strong' },
    ];
  if (chargedAt) {
    const stays = side.name === 'ours' ? 'still charged' : 'stays charged';
    const words = isFailed ? stays : outcome ? 'charged once' : 'charged';
    return [{ time: chargedAt, coin: 'charged', words, tone: isFailed ? 'bad strong' : '' }];
  }
  if (!isFailed || isOpen(run)) return [];
  const time = voidedAt ?? leftAt(run);
  if (!voidedAt) return [{ time, coin: '', words: '✓ nothing charged', tone: 'good strong' }];
  const words = html`nothing charged<span class="reason"
      > · voided<span class="wide"> at ${voided}</span
      ><span class="widest">: it cannot be charged any more</span></span
    >`;
  return [{ time, coin: 'back', words, tone: 'good strong' }];
}

/** @type {(order: Order) => Mark[]} the moments that matter, first to last */
function marksOf(order) {
  const end = Math.max(...order.runs.map(endOf));
  const left = order.runs.filter(hasLeft).map((run) => ({
    time: leftAt(run),
    text: `✕ ${leaveText(run)}`,
    isBad: true,
    sides: [run.side.name],
  }));
  const cut = order.runs
    .filter(({ isCutBefore }) => isCutBefore)
    .map(({ side }) => ({
      time: order.from,
      text: 'network cut',
      isBad: false,
      sides: [side.name],
    }));
  const names = order.runs.map(({ side }) => side.name);
  const acted = actions
    .filter(({ side, time }) => names.includes(side) && time >= order.from && time <= end)
    .filter(({ msg }) => /SIGTERM|network/.test(msg))
    .map(({ side, time, msg }) => ({ time, text: msg, isBad: false, sides: [side] }));
  /** @type {Mark[]} */
  const marks = [];
  for (const mark of [...cut, ...acted, ...left].sort((a, b) => a.time - b.time)) {
    const same = marks.find((other) => mark.time - other.time <= SAME_MS && isSame(mark, other));
    if (same) same.sides.push(...mark.sides.filter((name) => !same.sides.includes(name)));
    else marks.push(mark);
  }
  return marks;
}

/** A side that is killed at once gives no answer: that is the SIGTERM's mark. @type {(mark: Mark, other: Mark) => boolean} */
const isSame = (mark, other) =>
  mark.text === other.text || (mark.text === '✕ no answer' && other.text.startsWith('SIGTERM'));

/** @type {(run: Run) => string} */
function leaveText(run) {
  if (run.outcome === 'hung up') return 'the client hangs up';
  if (isTimeUp(run)) return `its ${run.order.waitsMs / 1_000} s are over`;
  return run.status ? `answered ${run.status}` : 'no answer';
}

/** @type {(mark: Mark, left: number, row: number) => unknown} */
function labelOfMark({ text, isBad }, left, row) {
  const side = left < 12 ? 'first' : left > 85 ? 'last' : '';
  return html`<span class="mark ${isBad ? 'bad' : ''} ${side}" .style=${`left:${left}%;--row:${row}`}>${text}</span>`;
}

/**
 * The row of each label: the lowest one in which it overlaps no earlier label.
 *
 * @param {Mark[]} marks
 * @param {(time: number) => number} at
 * @param {number} widthPx of the axis
 */
function rowsOf(marks, at, widthPx) {
  /** @type {{ row: number, end: number }[]} */
  const placed = [];
  return marks.map(({ time, text }) => {
    const half = (text.length * LETTER_PX) / 2 + 6;
    const middle = Math.min(widthPx - half, Math.max(half, (at(time) / 100) * widthPx));
    let row = 0;
    while (placed.some((other) => other.row === row && other.end > middle - half)) row += 1;
    placed.push({ row, end: middle + half });
    return row;
  });
}
