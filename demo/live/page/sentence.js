// @ts-check
import { isLost } from './connection.js';
import { planned } from './controls.js';
import { html, render } from './dom.js';
import { duration } from './durations.js';
import { isChargedForNobody, isOpen, orders, runOf, sides, wastedMs } from './runs.js';
import { shownOrder } from './shown.js';
import { leadOf, storyOf } from './story.js';

/** @import { Order } from './runs.js' */

const WELCOME = 'Press a button: each acts on both systems.';
const LOST = 'Lost npm run live: start it again, this page reconnects.';

/** How long a notice stays at least: long enough to be read. */
const NOTICE_MS = 4_000;

let notice = '';
let noticeTimer = 0;

/**
 * Says something about a press, in place of what is said about the order.
 *
 * @param {HTMLElement} root
 * @param {string} text
 */
export function sayNotice(root, text) {
  notice = text;
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => {
    notice = '';
    say(root);
  }, NOTICE_MS);
  say(root);
}

/**
 * Says what has happened to the order that is shown: for all a sentence, and for a screen reader what the chart
 * shows.
 *
 * @param {HTMLElement} root a live region
 */
export function say(root) {
  const order = shownOrder();
  const told = order ? tell(order) : { lead: WELCOME, rest: '' };
  const lead = isLost() ? LOST : notice || told.lead;
  render(html`${lead}<span class="unseen"> ${told.rest}</span>`, root);
}

/** @type {(order: Order) => { lead: string, rest: string }} */
function tell(order) {
  const { crowd } = order;
  if (crowd) return tellCrowd([...orders.values()].filter((each) => each.crowd === crowd));
  const stories = order.runs.flatMap((run) => {
    const { verdict, why } = storyOf(run);
    return verdict ? `${run.side.title}: ${verdict}${why && ` (${why})`}.` : [];
  });
  return { lead: leadOf(order, planned()), rest: stories.join(' ') };
}

/** @type {(members: Order[]) => { lead: string, rest: string }} */
function tellCrowd(members) {
  if (members.some(({ runs }) => runs.some(isOpen)))
    return { lead: `${members.length} orders are under way.`, rest: '' };
  const left = members.filter(({ runs }) => runs[0]?.outcome === 'hung up').length;
  const stories = sides.map(({ name, title }) => {
    const runs = members.flatMap((order) => runOf(order, name) ?? []);
    const lost = runs.filter(isChargedForNobody).length || 'none';
    return `${title}: ${duration(wastedMs(runs))} of work for nobody, ${lost} charged, but never confirmed.`;
  });
  return { lead: `${members.length} orders, ${left} hung up.`, rest: stories.join(' ') };
}
