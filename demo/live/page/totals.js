// @ts-check
import { html, nothing, render } from './dom.js';
import { duration } from './durations.js';
import {
  aftermath,
  hasLeft,
  isChargedForNobody,
  isShortened,
  orders,
  runOf,
  sides,
  wastedMs,
} from './runs.js';

/** @import { Run, Side } from './runs.js' */

/** Draws what all orders together have cost. @param {HTMLElement} root */
export function drawTotals(root) {
  render(
    html`<table>
        <thead>
          <tr><th scope="col">all orders</th><th scope="col">work for nobody</th>
            <th scope="col">charged, but never confirmed</th><th scope="col">processed</th></tr>
        </thead>
        <tbody>${sides.map(rowOf)}</tbody>
      </table>
      ${isShortened ? html`<p class="faint">The oldest orders are no longer counted.</p>` : nothing}`,
    root,
  );
}

/** @type {(side: Side) => unknown} */
function rowOf({ name, title }) {
  const runs = [...orders.values()].flatMap((order) => runOf(order, name) ?? []);
  const lost = runs.filter(isChargedForNobody).length;
  const processed = runs.filter(({ outcome }) => outcome === 'processed').length;
  return html`<tr class=${name}>
    <th scope="row">${title}</th>
    <td class=${toneOf(runs)}>${duration(wastedMs(runs), '0 s')}</td>
    <td class=${lost > 0 ? 'bad' : ''}>${lost}</td>
    <td>${processed}</td>
  </tr>`;
}

/** Red as soon as work goes on for nobody; green once all of it was stopped. @type {(runs: Run[]) => string} */
function toneOf(runs) {
  const all = runs.filter(hasLeft).map(aftermath);
  if (all.some((after) => after === 'ran on' || after === 'runs on')) return 'bad';
  return all.includes('stopped') && !all.includes('unknown') ? 'good' : '';
}
