// @ts-check
import { barView, SPAN_MS } from './bar.js';
import { openOrder } from './detail.js';
import { html, nothing, render } from './dom.js';
import { isFailed, isLost, isOpen, numberOf, sideOf } from './runs.js';
import { say } from './sentence.js';

/** @import { LiveEvent, Run } from './runs.js' */

const SHOWN_ORDERS = 20;

/** Puts an order at the top of its side's list. @param {Run} run */
export function listOrder(run) {
  const list = sideOf(run)?.root.querySelector('ol');
  list?.prepend(run.row);
  list?.children[SHOWN_ORDERS]?.remove();
}

/** @param {Run} run */
export function drawRow(run) {
  const { placed, bars, outcome, coin, row } = run;
  const number = numberOf(run);
  const to = isOpen(run) ? Date.now() : Math.max(...[...bars.values()].map((bar) => bar.to ?? 0));
  const money = coin || (isOpen(run) ? 'runs on' : 'not charged');
  const title = sideOf(run)?.title;
  render(
    html`<details @toggle=${() => toggle(run)}>
        <summary>
          <span class="number">${number}</span>
          <span class="track">${barView({ from: placed.time, to }, run, SPAN_MS)}</span>
          <span class=${isLost(run) ? 'outcome bad' : 'outcome'}>
            ${isFailed(run) ? `${outcome} · ${money}` : outcome || 'under way'}
          </span>
        </summary>
        <pre tabindex="0">${row.querySelector('details')?.open ? logOf(run) : nothing}</pre>
      </details>
      <button type="button" class="copy" @click=${() => copyCurl(run)} aria-label="Copy the curl of order ${number}: ${title}">
        curl
      </button>`,
    row,
  );
}

/** @param {Run} run */
function toggle(run) {
  drawRow(run);
  if (run.row.querySelector('details')?.open) openOrder(run.placed.requestId, numberOf(run));
}

/** @param {Run} run */
function logOf({ lines, placed }) {
  const sorted = lines.toSorted((a, b) => a.time - b.time);
  const line = (/** @type {LiveEvent} */ { time, service, msg, cause }) =>
    `${String(time - placed.time).padStart(5)} ms  ${service.replace('-service', '').padEnd(9)}  ` +
    `${msg}${cause ? ` (${cause})` : ''}\n`;
  return sorted.map(line).join('');
}

/** @param {Run} run */
function copyCurl(run) {
  const { placed, outcome, leftAt } = run;
  const { budgetMs, time, orderID } = placed;
  const budget = budgetMs ? ` -H 'x-envoy-expected-rq-timeout-ms: ${budgetMs}'` : '';
  const leave = outcome === 'hung up' ? ` --max-time ${(leftAt - time) / 1_000}` : '';
  const curl = `curl${leave}${budget} '${sideOf(run)?.url}/order?orderID=${orderID}'`;
  const copied = () => say(`Copied: ${curl}`);
  navigator.clipboard.writeText(curl).then(copied, () => say(curl));
}
