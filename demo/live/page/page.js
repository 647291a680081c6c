// @ts-check
import { drawChart } from './chart.js';
import { follow, isLost } from './connection.js';
import { drawControls, hasPressed, mountControls, playHangUp } from './controls.js';
import { mountCrowd } from './crowd.js';
import { mountDetail } from './detail.js';
import { byId } from './dom.js';
import { clearRows, drawRows } from './list.js';
import { drawLog } from './log.js';
import { isOpen, orders, take } from './runs.js';
import { say, sayNotice } from './sentence.js';
import { shownOrder } from './shown.js';
import { drawTerminal } from './terminal.js';
import { drawTotals } from './totals.js';

/** @import { LiveEvent, Order } from './runs.js' */

/** The sentence is updated once nothing has changed for this long, so that a screen reader reads it as a whole. */
const SETTLE_MS = 200;
/** The first run plays if the page has no order this long after it has its first event. */
const PLAYS_AFTER_MS = 600;
/** How often a growing bar is drawn under reduced motion. */
const STILL_MS = 1_000;

const isStill = matchMedia('(prefers-reduced-motion: reduce)');
const [controls, sentence, chart] = [byId('controls'), byId('sentence'), byId('chart')];
const [totals, list, log] = [byId('totals'), byId('list'), byId('log')];

const details = /** @type {HTMLDetailsElement} */ (log.parentElement);

/** @type {Set<Order>} */
const changed = new Set();
/** @type {Set<Order>} */
const open = new Set();
let isChanged = true;
let drawnAt = 0;
let settling = 0;
let hasBegun = false;

const tell = (/** @type {string} */ text) => sayNotice(sentence, text);

function redraw() {
  isChanged = true;
  drawControls(controls);
  clearTimeout(settling);
  settling = setTimeout(() => say(sentence), SETTLE_MS);
}

/** @param {LiveEvent} event */
function onEvent(event) {
  for (const order of take(event)) {
    changed.add(order);
    open.add(order);
  }
  if (event.sides) begin();
  redraw();
}

/** Forgets what was drawn before a reset. The first run of all plays by itself. */
function begin() {
  changed.clear();
  open.clear();
  clearRows(list, byId('heads'));
  drawTerminal(byId('terminal'), tell);
  if (!hasBegun)
    setTimeout(() => orders.size === 0 && !hasPressed() && playHangUp(), PLAYS_AFTER_MS);
  hasBegun = true;
}

/** Draws after an event, and while a bar grows: every frame, or once a second under reduced motion. */
function draw() {
  requestAnimationFrame(draw);
  const isDue = performance.now() - drawnAt >= (isStill.matches ? STILL_MS : 0);
  if (!isChanged && (isLost() || open.size === 0 || !isDue)) return;
  isChanged = false;
  drawnAt = performance.now();
  const order = shownOrder();
  drawRows(list, [...changed, ...open]);
  changed.clear();
  drawChart(chart, order);
  drawTotals(totals);
  for (const each of open) if (!each.runs.some(isOpen)) open.delete(each);
  if (details.open) drawLog(log, order);
}

mountControls(controls, { tell, redraw });
say(sentence);
list.addEventListener('click', redraw);
details.addEventListener('toggle', redraw);
addEventListener('resize', redraw);
const parts = [mountCrowd(byId('crowd')), mountDetail(byId('detail'))];
follow(
  (events) => {
    events.addEventListener('message', ({ data }) => onEvent(JSON.parse(data)));
    for (const attach of parts) attach(events);
  },
  () => {
    redraw();
    say(sentence);
  },
);
draw();
