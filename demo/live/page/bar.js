// @ts-check
import { html } from './dom.js';

/** @import { Bar, Run } from './runs.js' */

/** The shortest time that a track shows. */
export const SPAN_MS = 7_000;

/** @param {Bar} bar @param {Run} run @param {number} spanMs */
export function barView({ from, to = Date.now() }, { placed, leftAt }, spanMs) {
  const split = Math.min(to, Math.max(from, leftAt));
  const place = (/** @type {number} */ begin, /** @type {number} */ end) =>
    `left:${(100 * (begin - placed.time)) / spanMs}%;width:${(100 * (end - begin)) / spanMs}%`;
  return html`<i class="bar" .style=${place(from, split)}></i>
    <i class="bar over" .style=${place(split, to)}></i>`;
}
