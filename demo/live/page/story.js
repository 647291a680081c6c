// @ts-check
import { isLost } from './connection.js';
import { duration, milliseconds, seconds } from './durations.js';
import {
  actions,
  aftermath,
  hasLeft,
  isCharged,
  isChargedForNobody,
  isOpen,
  isTimeUp,
  leftAt,
  stoppedAfterMs,
  wastedMs,
} from './runs.js';

/** @import { LiveEvent, Order, Run } from './runs.js' */

/** @typedef {'' | 'good' | 'bad'} Tone */

/** When order-service of the run's side got SIGTERM during the run, if it did. @type {(run: Run) => number | undefined} */
export const sigtermAt = ({ side, order, endedAt = Number.POSITIVE_INFINITY }) =>
  actions.find(
    ({ side: name, time, msg }) =>
      name === side.name && msg.startsWith('SIGTERM') && time >= order.from && time <= endedAt,
  )?.time;

/**
 * What became of a run, in one phrase, and why, in another.
 *
 * @type {(run: Run) => { verdict: string, why: string, tone: Tone }}
 */
export function storyOf(run) {
  if (isLost() && isOpen(run))
    return { verdict: 'Unknown', why: 'the page lost its server', tone: '' };
  if (!hasLeft(run)) return successOf(run);
  const after = aftermath(run);
  if (after === 'unknown') return { verdict: '', why: '', tone: '' };
  const tone = isCharged(run) || after === 'ran on' || after === 'runs on' ? 'bad' : 'good';
  return { verdict: `${workOf(run)}${moneyOf(run)}`, why: whyOf(run), tone };
}

/** @type {(run: Run) => { verdict: string, why: string, tone: Tone }} */
function successOf(run) {
  const isTold = sigtermAt(run) !== undefined;
  const isOurs = run.side.name === 'ours';
  if (run.outcome) {
    const why = isTold ? 'it finished its order first, then left' : '';
    return { verdict: 'Answered 200, charged once', why, tone: isTold ? 'good' : '' };
  }
  const why = isTold && isOurs ? 'it takes no other, and finishes this one' : '';
  return { verdict: isTold && isOurs ? 'Finishing its order' : '', why, tone: '' };
}

/** @type {(run: Run) => string} */
function workOf(run) {
  switch (aftermath(run)) {
    case 'ran on':
      return `Ran on for ${duration(wastedMs([run]))}`;
    case 'runs on':
      return 'Still working for nobody';
    case 'stopped':
      return `Stopped ${duration(stoppedAfterMs(run))} after ${momentOf(run)}`;
    default:
      if (run.outcome !== 'failed') return 'Nothing was running';
      return run.status ? `Answered ${run.status}` : 'No answer';
  }
}

/** @type {(run: Run) => string} */
function momentOf(run) {
  if (run.outcome === 'hung up') return 'the hang-up';
  return isTimeUp(run) ? 'its time was up' : 'the failure';
}

/** @type {(run: Run) => string} */
function moneyOf(run) {
  if (isCharged(run)) {
    if (run.side.name === 'usual') return ', and charged it';
    return run.side.isCut
      ? ', still charged: the refund waits for the network'
      : ', still charged: the refund is under way';
  }
  if (run.chargedAt) return ', the charge was taken back';
  return aftermath(run) === 'runs on' ? '' : ', nothing charged';
}

/** @type {(run: Run) => string} */
function whyOf(run) {
  const isUsual = run.side.name === 'usual';
  if (run.bars.get('order')?.isGone) return 'killed at once, order lost';
  if (run.outcome === 'failed' && !isTimeUp(run)) return failureOf(run);
  if (isUsual && isTimeUp(run)) return 'nobody told it about the time limit';
  if (isUsual) return 'nobody told it that the client had left';
  const lane = run.bars.has('payment') ? 'payment' : 'inventory';
  const { stoppedBy = '', budgetMs = 0 } = run.bars.get(lane) ?? {};
  const told = `had been told ${milliseconds(budgetMs)}`;
  if (stoppedBy === 'deadline-exceeded') return `${lane}'s own timer: it ${told}`;
  if (isTimeUp(run)) return stoppedBy ? `order-service's timer; ${lane} ${told}` : '';
  if (stoppedBy === 'client-disconnected') return 'the hang-up travelled from hop to hop';
  if (stoppedBy === 'voided') return 'order-service voided the payment at once';
  return run.side.isCut && !stoppedBy ? 'the hang-up cannot get through' : '';
}

/** What order-service logged as the cause. @type {(run: Run) => string} */
function failureOf({ lines }) {
  const failed = (/** @type {LiveEvent} */ { service, msg }) =>
    service === 'order-service' && /fail/i.test(msg);
  return lines.findLast(failed)?.msg.replace(/^Order failed: /, '') ?? '';
}

/**
 * What happened to an order, in one sentence.
 *
 * @param {Order} order
 * @param {string} plan what the page said that it would do with the order under way
 */
export function leadOf(order, plan) {
  const { runs, from, number, isForeign, waitsMs } = order;
  const name = isForeign ? 'The order from curl' : `Order ${number}`;
  const sigterm = runs.map(sigtermAt).find((time) => time !== undefined);
  const after = (/** @type {number} */ time) => `after ${seconds(time - from)}`;
  const told = sigterm === undefined ? '' : `order-service got SIGTERM ${after(sigterm)}.`;
  const hungUp = runs.find(({ outcome }) => outcome === 'hung up');
  if (hungUp) return `${told} The client hung up ${after(leftAt(hungUp))}.`.trim();
  if (runs.some(isTimeUp)) return `Its ${waitsMs / 1000} s ran out.`;
  if (told) return told;
  if (isLost() && runs.some(isOpen)) return `${name} was under way.`;
  if (runs.some(({ outcome }) => !outcome)) {
    if (isForeign) return `${name} is under way: interrupt it with Ctrl+C.`;
    return plan ? `Under way: ${plan}` : `${name} is under way.`;
  }
  const failed = runs.filter(({ outcome }) => outcome !== 'processed');
  if (failed.length === 0) return `${name} was processed.`;
  if (failed.length === runs.length)
    return `${name} failed ${after(Math.min(...failed.map(leftAt)))}.`;
  return `${name} failed in ${failed.map(({ side }) => side.title).join()}.`;
}

/** What a client got, in two or three words. @type {(run: Run) => string} */
export function shortStoryOf(run) {
  if (isLost() && isOpen(run)) return 'unknown';
  if (!hasLeft(run)) return run.outcome ? 'charged once' : 'under way';
  const got = run.status ? String(run.status) : 'no answer';
  const who = run.outcome === 'hung up' ? 'hung up' : isTimeUp(run) ? 'time is up' : got;
  if (isChargedForNobody(run)) return `${who} · charged`;
  if (run.chargedAt) return `${who} · taken back`;
  return `${who} · ${isOpen(run) ? 'runs on' : 'not charged'}`;
}
