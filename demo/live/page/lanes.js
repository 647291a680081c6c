// @ts-check
import { barView, SPAN_MS } from './bar.js';
import { html, nothing, render } from './dom.js';
import { duration, seconds } from './durations.js';
import { isFailed, isLost, isOpen, LANES, overMs, sides, wastedOnAll } from './runs.js';

/** @import { Lane, Run, Side } from './runs.js' */

/** @param {Side} side */
export function drawSide({ title, how, network, process, runs, root }) {
  const all = [...runs.values()];
  const run = all.at(-1);
  const spanMs = Math.max(
    SPAN_MS,
    ...sides.map(lengthMs).map((ms) => Math.ceil(ms / 1_000 + 2) * 1_000),
  );
  const at = (/** @type {number} */ ms) => `left:${(100 * ms) / spanMs}%`;
  const wasted = wastedOnAll(all);
  const failed = all.filter(isLost).length;
  const classOf = (/** @type {boolean} */ isBad) =>
    isBad ? 'bad' : all.some(isFailed) ? 'good' : '';
  const second = spanMs > 2 * SPAN_MS ? 5_000 : 1_000;
  const ticks = Array.from({ length: Math.ceil(spanMs / second) }, (_, index) => index * second);
  render(
    html`<h2>${title} <strong>${[network, process].filter(Boolean).join(', ')}</strong></h2>
      <p class="how">${how}</p>
      <dl>
        <div><dt>work done for nobody</dt><dd class=${classOf(wasted >= 1_000)}>${duration(wasted)}</dd></div>
        <div><dt>charged though failed</dt><dd class=${classOf(failed > 0)}>${failed}</dd></div>
        <div><dt>orders processed</dt><dd>${all.filter(({ outcome }) => outcome === 'processed').length}</dd></div>
      </dl>
      <div class="lanes">
        ${LANES.map((lane) => {
          const bar = run?.bars.get(lane);
          const end = (bar?.to ?? Date.now()) - (run?.placed.time ?? 0);
          return html`<span class="name">${lane}</span>
            <div class="track ${lane}">
              ${run && bar ? barView(bar, run, spanMs) : nothing}
              ${run && bar ? html`<span class="label" .style=${at(end)}>${labelOf(lane, run)}</span>` : nothing}
            </div>`;
        })}
        <div class="axis">
          ${ticks.map((ms) => html`<span .style=${at(ms)}>${ms / 1_000} s</span>`)}
          ${run && isFailed(run) ? html`<i class="left-at" .style=${at(run.leftAt - run.placed.time)}></i>` : nothing}
          ${run && isOpen(run) ? html`<i class="now" .style=${at(Date.now() - run.placed.time)}></i>` : nothing}
        </div>
      </div>
      <h3>Latest orders</h3>
      <ol></ol>`,
    root,
  );
}

/** How long the newest order of one side has taken so far. */
function lengthMs(/** @type {Side} */ { runs }) {
  const run = [...runs.values()].at(-1);
  const ends = [...(run?.bars.values() ?? [])].map(({ to = Date.now() }) => to);
  return run ? Math.max(...ends) - run.placed.time : 0;
}

/** @param {Lane} lane @param {Run} run the label at the end of its bar */
function labelOf(lane, run) {
  const bar = run.bars.get(lane);
  if (!bar?.to) return nothing;
  if (lane === 'client' && !isFailed(run)) return html`answered`;
  const afterMs = bar.to - run.placed.time;
  if (lane === 'client') return html`<b class="bad">✕</b> ${run.outcome} at ${seconds(afterMs)}`;
  if (lane === 'payment' && run.coin) {
    const isBack = run.coin !== 'charged';
    return html`<i class=${isBack ? 'coin back' : 'coin'}></i>
      <span class=${isLost(run) ? 'bad' : ''}>${run.coin}</span>`;
  }
  if (bar.isGone) return html`<b class="bad">✕</b> process gone`;
  const over = overMs(run, lane);
  if (bar.isStopped) return html`<span class="good">✓ stopped after ${duration(over)}</span>`;
  return over > 0 ? html`<span class="bad">ran on for ${duration(over)}</span>` : nothing;
}
