// @ts-check
import { byId } from './dom.js';
import { duration, seconds } from './durations.js';
import { isFailed, isLost, isOpen, LANES, numberOf, overMs, sides, wastedOnAll } from './runs.js';

/** @import { Run, Side } from './runs.js' */

const WELCOME =
  'Place an order, then hang up: with the button, the Escape key, or by closing the tab.';

/** The last sentence about the orders; another message may have replaced it since. */
let said = '';

/** @param {string} text shown on the page and read by screen readers */
export function say(text) {
  byId('sentence').textContent = text;
}

export function welcome() {
  said = WELCOME;
  say(said);
}

export const sayAgain = () => say(said);

export function sayWhatHappened() {
  const text = sentence();
  if (text !== said) say(text);
  said = text;
}

/** What happened to the newest order, or its crowd, on all sides. */
function sentence() {
  const newest = sides.map(({ runs }) => [...runs.values()].at(-1));
  const [first] = newest;
  if (!first) return said;
  const { crowd } = first.placed;
  const perSide = (/** @type {(side: Side, index: number) => string} */ words) =>
    sides.map((side, index) => `${side.title}: ${words(side, index)}.`).join(' ');
  if (crowd) {
    const isMember = (/** @type {Run} */ { placed }) => placed.crowd === crowd;
    const crowds = sides.map(({ runs }) => [...runs.values()].filter(isMember));
    const [members = []] = crowds;
    const left = members.filter(({ outcome }) => outcome === 'hung up').length;
    if (crowds.flat().some(isOpen)) return `${members.length} orders are under way.`;
    return `${members.length} orders, ${left} hung up. ${perSide((_, index) => {
      const its = crowds[index] ?? [];
      const charged = `${its.filter(isLost).length || 'none'} charged though failed`;
      return `${duration(wastedOnAll(its))} of work for nobody, ${charged}`;
    })}`;
  }
  const order = `Order ${numberOf(first)}`;
  if (newest.some((run) => run?.bars.get('client')?.to === undefined))
    return `${order} is under way.`;
  const outcomes = newest.map((run) => run?.outcome);
  const at = seconds(first.leftAt - first.placed.time);
  const lead = outcomes.includes('hung up') ? `You hung up after ${at}` : `${order} has ended`;
  const who = outcomes.includes('gave up') ? `The caller gave up after ${at}` : lead;
  return `${who}. ${perSide((_, index) => storyOf(newest[index]))}`;
}

/** @param {Run | undefined} run the outcome of an order on one side, in words */
function storyOf(run) {
  if (!run) return '';
  if (!isFailed(run)) return isOpen(run) ? 'under way' : 'processed, and charged once';
  if (isOpen(run)) return 'the work runs on';
  const afterMs = Math.max(...LANES.map((lane) => overMs(run, lane)));
  const isStopped = [...run.bars.values()].some((bar) => bar.isStopped);
  const work = isStopped ? 'the work stopped after' : 'the work ran on for';
  const charged =
    run.placed.side === 'ours'
      ? 'the order is charged until its void gets through'
      : 'the order was charged';
  const back = run.coin ? 'the charge was taken back' : 'nothing was charged';
  const money = run.coin === 'charged' ? charged : back;
  return afterMs > 0 || isStopped ? `${work} ${duration(afterMs)}, ${money}` : money;
}
