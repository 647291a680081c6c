// @ts-check
import { isLost } from './connection.js';
import { planned } from './controls.js';
import { html, render } from './dom.js';
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
  const stories = order.runs.flatMap((run) => {
    const { verdict, why } = storyOf(run);
    return verdict ? `${run.side.title}: ${verdict}${why && ` (${why})`}.` : [];
  });
  return { lead: leadOf(order, planned()), rest: stories.join(' ') };
}
