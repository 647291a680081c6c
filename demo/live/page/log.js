// @ts-check
import { html, render } from './dom.js';

/** @import { LiveEvent, Order, Run } from './runs.js' */

/**
 * Draws what the services logged, and the client did, for one order.
 *
 * @param {HTMLElement} root
 * @param {Order | undefined} order
 */
export function drawLog(root, order) {
  render(
    (order?.runs ?? []).map(
      (run) =>
        html`<div><h3>${run.side.title}</h3><pre tabindex="0" aria-label="Log of ${run.side.title}">${textOf(run)}</pre></div>`,
    ),
    root,
  );
}

/** @type {(run: Run) => string} */
function textOf({ lines, order }) {
  const line = (/** @type {LiveEvent} */ { time, service, msg, cause, budgetMs }) => {
    const more = [cause, budgetMs !== undefined && `${budgetMs} ms left`]
      .filter(Boolean)
      .join(', ');
    const name = service.replace('-service', '').padEnd(9);
    return `${String(time - order.from).padStart(5)} ms  ${name}  ${msg}${more && ` (${more})`}\n`;
  };
  return lines
    .toSorted((a, b) => a.time - b.time)
    .map(line)
    .join('');
}
