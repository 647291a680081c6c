// @ts-check
const LIBRARY = '/lit-html.js';
/** @type {typeof import('lit-html')} */
const { html, nothing, render } = await import(LIBRARY);

/**
 * @typedef {'usual' | 'ours'} SideName
 * @typedef {'client' | 'order' | 'inventory' | 'payment'} Lane
 * @typedef {{ from: number, to?: number, isStopped?: boolean, isGone?: boolean }} Bar
 * @typedef {{ time: number, msg: string, side: SideName, service: string, requestId: string,
 *   orderID: string, path?: string, outcome?: string, crowd?: string, budgetMs?: number,
 *   order?: string, cause?: string, state?: string, urls?: Record<SideName, string> }} LiveEvent
 * @typedef {{ placed: LiveEvent, lines: LiveEvent[], bars: Map<Lane, Bar>, outcome: string,
 *   leftAt: number, coin: string, row: HTMLElement }} Run  what a side did for an order
 * @typedef {{ name: SideName, title: string, how: string, url: string, state: string, note: string,
 *   runs: Map<string, Run>, root: HTMLElement }} Side
 */

/** @type {Lane[]} */
const LANES = ['client', 'order', 'inventory', 'payment'];
const TITLES = {
  usual: ['As everybody writes it', 'Express, axios with a timeout, no cancellation'],
  ours: ['This repository', 'the same three services, with cancellation'],
};
/** Lines that say that a service has ended its part, and those that say so before it was done. */
const ENDS = /^(Inventory check|Payment proc|Order (succ|canc|failed))/;
const STOPS = /canceled/;
const SHOWN_ORDERS = 20;
const SPAN_MS = 7_000;
/** A sentence is said once nothing has changed for so long: it is read out as a whole. */
const SETTLE_MS = 200;
/** A browser opens six connections to a host: one has the events, and one is for the other buttons. */
const MAX_UNDER_WAY = 4;

/** @type {Side[]} */
let sides = [];
/** What this page waits for. */
const underWay = new Set();
let [said, isChanged] = ['', false];

const byId = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const seconds = (/** @type {number} */ ms) => `${(ms / 1000).toFixed(1)} s`;
const duration = (/** @type {number} */ ms) => (ms < 1000 ? `${Math.round(ms)} ms` : seconds(ms));
const sum = (/** @type {number[]} */ numbers) => numbers.reduce((total, next) => total + next, 0);

const numberOf = (/** @type {Run} */ { placed }) => placed.orderID.replace('live-', '');
const isFailed = (/** @type {Run} */ { leftAt }) => leftAt < Number.POSITIVE_INFINITY;
const isOpen = (/** @type {Run} */ { bars }) => [...bars.values()].some(({ to }) => !to);
const isLost = (/** @type {Run} */ run) => isFailed(run) && run.coin === 'charged';
/** @param {Run} run @param {Lane} lane how long it has gone on after the client had left */
const overMs = ({ bars, leftAt }, lane) => {
  const { from, to = Date.now() } = bars.get(lane) ?? { from: 0, to: 0 };
  return Math.max(0, to - Math.max(leftAt, from));
};
/** order-service only waits for the other two. */
const wastedMs = (/** @type {Run} */ run) => overMs(run, 'inventory') + overMs(run, 'payment');

/** @type {(event: LiveEvent) => void} */
function take(event) {
  const { side: name, service, time, msg, requestId, outcome } = event;
  if (event.urls) return begin(event.urls);
  const side = sides.find((one) => one.name === name);
  if (!side) return;
  if (event.state !== undefined) {
    Object.assign(side, { state: event.state, note: `${side.title}: ${msg}.` });
    say(sides.map(({ note }) => note).join(' '));
  }
  if (service === 'client' && !outcome) return place(side, event);
  for (const run of event.order === 'gone' ? side.runs.values() : []) {
    const bar = run.bars.get('order');
    if (!bar || bar.to) continue;
    Object.assign(bar, { to: time, isGone: true }); // What the process had begun has ended with it.
    drawRow(run);
  }
  const run = side.runs.get(requestId);
  if (!run) return;
  run.lines.push(event);
  if (/void/i.test(event.path ?? msg)) {
    if (run.coin && event.path === undefined) run.coin = 'taken back';
    return drawRow(run);
  }
  const lane = /** @type {Lane} */ (service.replace('-service', ''));
  const bar = run.bars.get(lane) ?? { from: time };
  run.bars.set(lane, bar);
  if (outcome || ENDS.test(msg)) Object.assign(bar, { to: time, isStopped: STOPS.test(msg) });
  if (outcome) run.outcome = outcome;
  if (outcome && outcome !== 'processed') run.leftAt = time;
  if (msg.startsWith('Payment processed')) run.coin = 'charged';
  drawRow(run);
}

/** @param {Record<SideName, string>} urls of each side's order-service */
function begin(urls) {
  byId('columns').replaceChildren();
  const names = /** @type {SideName[]} */ (Object.keys(urls));
  sides = names.map((name) => {
    const [title = '', how = ''] = TITLES[name];
    const root = Object.assign(document.createElement('section'), { id: name, ariaLabel: title });
    byId('columns').append(root);
    return { name, title, how, url: urls[name], state: '', note: '', runs: new Map(), root };
  });
  said = 'Place an order, then hang up: with the button, the Escape key, or by closing the tab.';
  say(said);
}

/** @param {Side} side @param {LiveEvent} placed */
function place(side, placed) {
  const row = document.createElement('li');
  const begun = { lines: [placed], outcome: '', leftAt: Number.POSITIVE_INFINITY, coin: '' };
  const run = { ...begun, placed, bars: new Map(), row };
  run.bars.set('client', { from: placed.time });
  side.runs.set(placed.requestId, run);
  drawSide(side);
  const list = side.root.querySelector('ol');
  list?.prepend(row);
  list?.children[SHOWN_ORDERS]?.remove();
}

/** @param {Bar} bar @param {Run} run @param {number} spanMs */
function barView({ from, to = Date.now() }, { placed, leftAt }, spanMs) {
  const split = Math.min(to, Math.max(from, leftAt));
  const place = (/** @type {number} */ begin, /** @type {number} */ end) =>
    `left:${(100 * (begin - placed.time)) / spanMs}%;width:${(100 * (end - begin)) / spanMs}%`;
  return html`<i class="bar" .style=${place(from, split)}></i>
    <i class="bar over" .style=${place(split, to)}></i>`;
}

/** @param {Run} run */
function drawRow(run) {
  const { placed, bars, outcome, coin, row } = run;
  const number = numberOf(run);
  const to = isOpen(run) ? Date.now() : Math.max(...[...bars.values()].map((bar) => bar.to ?? 0));
  const money = coin || (isOpen(run) ? 'runs on' : 'not charged');
  const title = TITLES[placed.side][0];
  render(
    html`<details @toggle=${() => drawRow(run)}>
        <summary>
          <span class="number">${number}</span>
          <span class="track">${barView({ from: placed.time, to }, run, SPAN_MS)}</span>
          <span class=${isLost(run) ? 'verdict bad' : 'verdict'}>
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
function logOf({ lines, placed }) {
  const sorted = lines.toSorted((a, b) => a.time - b.time);
  const line = (/** @type {LiveEvent} */ { time, service, msg, cause }) =>
    `${String(time - placed.time).padStart(5)} ms  ${service.replace('-service', '').padEnd(9)}  ` +
    `${msg}${cause ? ` (${cause})` : ''}\n`;
  return sorted.map(line).join('');
}

/** @param {Run} run */
function copyCurl({ placed, outcome, leftAt }) {
  const { budgetMs, time, orderID } = placed;
  const budget = budgetMs ? ` -H 'x-envoy-expected-rq-timeout-ms: ${budgetMs}'` : '';
  const leave = outcome === 'hung up' ? ` --max-time ${(leftAt - time) / 1_000}` : '';
  const url = sides.find(({ name }) => name === placed.side)?.url;
  const curl = `curl${leave}${budget} '${url}/order?orderID=${orderID}'`;
  const copied = () => say(`Copied: ${curl}`);
  navigator.clipboard.writeText(curl).then(copied, () => say(curl));
}

/** @param {Lane} lane @param {Run} run what is to be said beside the end of its bar */
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

/** How long the newest order has taken until now, on one side. */
function lengthMs(/** @type {Side} */ { runs }) {
  const run = [...runs.values()].at(-1);
  const ends = [...(run?.bars.values() ?? [])].map(({ to = Date.now() }) => to);
  return run ? Math.max(...ends) - run.placed.time : 0;
}

/** @param {Side} side */
function drawSide({ title, how, state, runs, root }) {
  const all = [...runs.values()];
  const run = all.at(-1);
  const spanMs = Math.max(
    SPAN_MS,
    ...sides.map(lengthMs).map((ms) => Math.ceil(ms / 1_000 + 2) * 1_000),
  );
  const at = (/** @type {number} */ ms) => `left:${(100 * ms) / spanMs}%`;
  const wasted = sum(all.map(wastedMs));
  const failed = all.filter(isLost).length;
  const verdict = (/** @type {boolean} */ isBad) =>
    isBad ? 'bad' : all.some(isFailed) ? 'good' : '';
  const second = spanMs > 2 * SPAN_MS ? 5_000 : 1_000;
  const ticks = Array.from({ length: Math.ceil(spanMs / second) }, (_, index) => index * second);
  render(
    html`<h2>${title} <strong>${state}</strong></h2>
      <p class="how">${how}</p>
      <dl>
        <div><dt>work done for nobody</dt><dd class=${verdict(wasted >= 1_000)}>${duration(wasted)}</dd></div>
        <div><dt>charged though failed</dt><dd class=${verdict(failed > 0)}>${failed}</dd></div>
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

/** @param {Run | undefined} run what became of an order on one side, in words */
function storyOf(run) {
  if (!run) return '';
  if (!isFailed(run)) return isOpen(run) ? 'under way' : 'processed, and charged once';
  if (isOpen(run)) return 'the work runs on';
  const afterMs = Math.max(...LANES.map((lane) => overMs(run, lane)));
  const isStopped = [...run.bars.values()].some((bar) => bar.isStopped);
  const work = isStopped ? 'the work stopped after' : 'the work ran on for';
  const charged =
    run.placed.side === 'ours'
      ? 'the order is charged until its void gets through'
      : 'the order was charged';
  const back = run.coin ? 'the charge was taken back' : 'nothing was charged';
  const money = run.coin === 'charged' ? charged : back;
  return afterMs > 0 || isStopped ? `${work} ${duration(afterMs)}, ${money}` : money;
}

/** What has just happened, to the newest order or its crowd, on all sides. */
function sentence() {
  const newest = sides.map(({ runs }) => [...runs.values()].at(-1));
  const [first] = newest;
  if (!first) return said;
  const { crowd } = first.placed;
  const tell = (/** @type {(side: Side, index: number) => string} */ words) =>
    sides.map((side, index) => `${side.title}: ${words(side, index)}.`).join(' ');
  if (crowd) {
    const isMember = (/** @type {Run} */ { placed }) => placed.crowd === crowd;
    const crowds = sides.map(({ runs }) => [...runs.values()].filter(isMember));
    const [members = []] = crowds;
    const left = members.filter(({ outcome }) => outcome === 'hung up').length;
    if (crowds.flat().some(isOpen)) return `${members.length} orders are under way.`;
    return `${members.length} orders, ${left} hung up. ${tell((_, index) => {
      const [wasted, lost] = [crowds[index]?.map(wastedMs), crowds[index]?.filter(isLost)];
      const charged = `${lost?.length || 'none'} charged though failed`;
      return `${duration(sum(wasted ?? []))} of work for nobody, ${charged}`;
    })}`;
  }
  const order = `Order ${numberOf(first)}`;
  if (newest.some((run) => run?.bars.get('client')?.to === undefined))
    return `${order} is under way.`;
  const outcomes = newest.map((run) => run?.outcome);
  const at = seconds(first.leftAt - first.placed.time);
  const lead = outcomes.includes('hung up') ? `You hung up after ${at}` : `${order} has ended`;
  const who = outcomes.includes('gave up') ? `The caller gave up after ${at}` : lead;
  return `${who}. ${tell((_, index) => storyOf(newest[index]))}`;
}

/** @param {string} text for eyes and screen readers */
function say(text) {
  byId('sentence').textContent = text;
}

const isStill = matchMedia('(prefers-reduced-motion: reduce)');

/** Once a frame while something grows; under reduced motion only after an event. */
function draw() {
  requestAnimationFrame(draw);
  const open = sides.flatMap(({ runs }) => [...runs.values()].filter(isOpen));
  if (!isChanged && (isStill.matches || open.length === 0)) return;
  isChanged = false;
  open.forEach(drawRow);
  sides.forEach(drawSide);
}

function sayWhatHappened() {
  const text = sentence();
  if (text !== said) say(text);
  said = text;
}

/** @param {string} path @param {AbortSignal} [signal] */
const press = (path, signal) => fetch(path, { method: 'POST', ...(signal && { signal }) });

/** Sends an order, or a crowd's, and hangs up after `leaveAfterMs`: the fetch itself is aborted. */
async function send(path = '/order', leaveAfterMs = 0) {
  if (underWay.size >= MAX_UNDER_WAY) return say('Four orders are under way: hang up, or wait.');
  const client = new AbortController();
  underWay.add(client);
  if (leaveAfterMs) setTimeout(() => client.abort(), leaveAfterMs);
  await press(path, client.signal).catch(() => {});
  underWay.delete(client);
}

function hangUp() {
  if (underWay.size === 0) say('You are not waiting for anything: place an order first.');
  for (const client of underWay) client.abort();
}

function reset() {
  for (const client of underWay) client.abort();
  press('/reset');
}

/** @type {[name: string, action: () => unknown, look?: string][]} */
const BUTTONS = [
  ['Place order', () => send(), 'primary'],
  ['Hang up', hangUp, 'leave'],
  ['Hang up in 1 s', () => send('/order', 1_000), 'apart'],
  ['Hang up in 3 s', () => send('/order', 3_000)],
  ['Caller waits 3 s', () => send('/order?budgetMs=3000')],
  ['Cut the network', () => press('/cut'), 'apart'],
  ['Heal', () => press('/heal')],
  ['Stop order-service', () => press('/stop')],
  ['50 orders, a third hang up', () => send('/crowd')],
  ['Reset', reset],
];
const buttonOf = (/** @type {typeof BUTTONS[number]} */ [name, action, look = '']) =>
  html`<button type="button" class=${look} @click=${action}>${name}</button>`;
render(BUTTONS.map(buttonOf), byId('buttons'));
addEventListener('keydown', ({ key }) => key === 'Escape' && hangUp());

let settling = 0;
const events = new EventSource('/events');
events.addEventListener('message', ({ data }) => {
  take(JSON.parse(data));
  isChanged = true;
  clearTimeout(settling);
  settling = setTimeout(sayWhatHappened, SETTLE_MS);
});
events.addEventListener('open', () => say(said));
events.addEventListener('error', () => say('npm run live is gone; trying to reach it again.'));
draw();
