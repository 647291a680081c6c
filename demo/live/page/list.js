// @ts-check
import { openOrder } from './detail.js';
import { html, render } from './dom.js';
import { endOf, isChargedForNobody, leftAt, runOf, sides } from './runs.js';
import { shownOrder, showOrder } from './shown.js';
import { shortStoryOf } from './story.js';

/** @import { Order, Run } from './runs.js' */

const SHOWN_ORDERS = 20;
/** The time that a row's bars show. */
const SPAN_MS = 8_000;

/** @type {Map<string, HTMLElement>} */
const rows = new Map();

/** @type {Order | undefined} */
let marked;

/**
 * Draws the rows of the orders that have changed; new ones go to the top.
 *
 * @param {HTMLElement} list
 * @param {Order[]} changed
 */
export function drawRows(list, changed) {
  const shown = shownOrder();
  const remarked = shown === marked ? [] : [marked, shown].flatMap((order) => order ?? []);
  marked = shown;
  for (const order of new Set([...changed, ...remarked])) {
    const row = rows.get(order.id) ?? document.createElement('li');
    if (!rows.has(order.id)) list.prepend(row);
    rows.set(order.id, row);
    if (row.isConnected) drawRow(row, order);
  }
  while (list.children.length > SHOWN_ORDERS) list.lastElementChild?.remove();
}

/**
 * Forgets the rows, and names the columns.
 *
 * @param {HTMLElement} list
 * @param {HTMLElement} heads
 */
export function clearRows(list, heads) {
  render(
    sides.map(({ title }) => html`<span>${title}</span>`),
    heads,
  );
  rows.clear();
  marked = undefined;
  list.replaceChildren();
}

/** @type {(row: HTMLElement, order: Order) => void} */
function drawRow(row, order) {
  const isShown = shownOrder() === order;
  render(
    html`<button type="button" class="row" aria-pressed=${isShown} @click=${() => open(order)}>
      <span class="number">${order.number}</span>
      ${sides.map(({ name }) => runView(runOf(order, name)))}
    </button>`,
    row,
  );
}

/** @param {Order} order */
function open({ id, number }) {
  showOrder(id);
  openOrder(id, number);
}

/** @type {(run: Run | undefined) => unknown} */
function runView(run) {
  if (!run)
    return html`<span class="run"><span class="track"></span><span class="outcome">not sent</span></span>`;
  const { from } = run.order;
  const to = endOf(run);
  const split = Math.min(to, Math.max(from, leftAt(run)));
  const style = (/** @type {number} */ begin, /** @type {number} */ end) =>
    `left:${(100 * (begin - from)) / SPAN_MS}%;width:${(100 * (end - begin)) / SPAN_MS}%`;
  return html`<span class="run">
    <span class="track">
      <i class="bar" .style=${style(from, split)}></i><i class="bar over" .style=${style(split, to)}></i>
    </span>
    <span class=${isChargedForNobody(run) ? 'outcome bad' : 'outcome'}>${shortStoryOf(run)}</span>
  </span>`;
}
