// @ts-check
import { html, nothing, render } from './dom.js';

/**
 * @typedef {'usual' | 'ours'} SideName
 * @typedef {{ side: SideName, service: string, id: number, requestId: string, request: string,
 *   headers: Record<string, string>, arrivedAt: number, hungUpAt?: number,
 *   answer?: { status: number, headers: Record<string, string>, sentAt: number } }} Exchange
 * @typedef {{ side: SideName, service: string, time: number, msg: string, requestId: string, outcome?: string }} LiveEvent
 * @typedef {{ side: SideName, file: string, firstLine: number, lines: string[], marked: number, note: string }} CodeCard
 * @typedef {{ placedAt: number, ends: Map<SideName, LiveEvent>, exchanges: Map<string, Exchange> }} Wire
 */

const TITLES = { usual: 'The usual way', ours: 'This repository' };
/** Ids are shortened. */
const UUID = /^(\w{8})-\w{4}-\w{4}-\w{4}-\w{12}$/;
/** Of two requests at the same moment, the one nearer to the client comes first. */
const SERVICES = ['order-service', 'inventory-service', 'payment-service'];
const NAMES = {
  'x-request-id': ['x-request-id', ''],
  'idempotency-key': ['Idempotency-Key', 'this attempt'],
  'x-caller-key': ['X-Caller-Key', "the caller's name for it"],
  'x-envoy-expected-rq-timeout-ms': ['x-envoy-expected-rq-timeout-ms', 'the time left'],
  'x-operation': ['x-operation', ''],
  'retry-after': ['Retry-After', ''],
};

/** What was on the wire, by the order's request id. @type {Map<string, Wire>} */
const wires = new Map();
/** @type {{ requestId: string, number: string, opener: Element | null } | undefined} */
let opened;
/** @type {CodeCard[]} */
let cards = [];
let isScheduled = false;

/** @type {HTMLElement} */
let root;

/**
 * Prepares `root` for an order that is opened. Returns a function that collects what is on the wire from the page's
 * events.
 * @param {HTMLElement} element
 */
export function mountDetail(element) {
  root = element;
  root.hidden = true;
  root.setAttribute('aria-label', 'On the wire, and in the code');
  return (/** @type {EventSource} */ events) => {
    events.addEventListener('message', ({ data }) => takeEvent(JSON.parse(data)));
    events.addEventListener('wire', ({ data }) => takeExchange(JSON.parse(data)));
  };
}

/** Shows what was on the wire for an order, and the code. @param {string} requestId @param {string} number */
export async function openOrder(requestId, number) {
  opened = { requestId, number, opener: document.activeElement };
  if (cards.length === 0) cards = await (await fetch('/code-cards.json')).json();
  draw();
  root.querySelector('h2')?.focus();
}

function close() {
  const opener = opened?.opener;
  opened = undefined;
  draw();
  if (opener instanceof HTMLElement) opener.focus();
}

/** @param {LiveEvent} event */
function takeEvent(event) {
  if (event.msg === 'Reset') {
    wires.clear();
    opened = undefined;
    draw();
  }
  if (event.service !== 'client') return;
  const wire = wireOf(event.requestId, event.time);
  wire.placedAt = Math.min(wire.placedAt, event.time);
  if (event.outcome) wire.ends.set(event.side, event);
  change(event.requestId);
}

/** @param {Exchange} exchange */
function takeExchange(exchange) {
  const { requestId, side, service, id, arrivedAt } = exchange;
  wireOf(requestId, arrivedAt).exchanges.set(`${side} ${service} ${id}`, exchange);
  change(requestId);
}

/** @param {string} requestId @param {number} placedAt */
function wireOf(requestId, placedAt) {
  const wire = wires.get(requestId) ?? { placedAt, ends: new Map(), exchanges: new Map() };
  wires.set(requestId, wire);
  return wire;
}

/** @param {string} requestId */
function change(requestId) {
  if (isScheduled || opened?.requestId !== requestId) return;
  isScheduled = true;
  requestAnimationFrame(() => {
    isScheduled = false;
    draw();
  });
}

function draw() {
  const wire = opened && wires.get(opened.requestId);
  root.hidden = !wire;
  render(wire ? view(wire, opened?.number) : nothing, root);
}

/** @param {Wire} wire @param {string} [number] */
function view(wire, number) {
  const all = [...wire.exchanges.values()];
  const sides = /** @type {SideName[]} */ (Object.keys(TITLES)).filter(
    (name) => wire.ends.has(name) || all.some(({ side }) => side === name),
  );
  return html`<header>
      <h2 tabindex="-1">Order ${number} on the wire</h2>
      <button type="button" @click=${close}>Close</button>
    </header>
    <div class="sides">
      ${sides.map(
        (
          name,
        ) => html`<div class=${name} role="group" aria-label="Order ${number} on the wire: ${TITLES[name]}">
          <h3>${TITLES[name]}</h3>
          ${exchangesOf(wire, name).map((exchange) => exchangeView(exchange, wire))}
          ${cards.filter(({ side }) => side === name).map(cardView)}
        </div>`,
      )}
    </div>`;
}

/** @param {Wire} wire @param {SideName} name in the order of their arrival */
function exchangesOf({ exchanges }, name) {
  const rank = (/** @type {Exchange} */ { service }) => SERVICES.indexOf(service);
  return [...exchanges.values()]
    .filter(({ side }) => side === name)
    .sort((a, b) => a.arrivedAt - b.arrivedAt || rank(a) - rank(b));
}

/** @param {Exchange} exchange @param {Wire} wire */
function exchangeView(exchange, wire) {
  const { side, service, request, headers, arrivedAt, answer, hungUpAt } = exchange;
  const isFirst = service === 'order-service';
  const caller = isFirst ? 'client' : 'order-service';
  const client = wire.ends.get(side);
  const endedAt = answer?.sentAt ?? hungUpAt;
  const at = (/** @type {number} */ time) =>
    html`<span class="at">${(Math.max(0, time - wire.placedAt) / 1_000).toFixed(3)} s</span>`;
  const end = answer
    ? html`<b>← ${answer.status}</b> ${toNobody(exchange, client)}`
    : hungUpAt !== undefined
      ? html`<b>✕ ${isFirst ? 'the client' : caller} hung up</b>`
      : `no answer ${isFirst && client ? 'came' : 'yet'}`;
  return html`<div class="exchange">
    <h4>${caller} → ${service} ${at(arrivedAt)}</h4>
    <p class="request">${request}</p>
    ${headersView(headers)}
    <p class="end">${end} ${endedAt === undefined ? nothing : at(endedAt)}</p>
  </div>`;
}

/** What an answer is worth that comes after the client has left. @param {Exchange} exchange @param {LiveEvent} [client] */
function toNobody({ request, answer }, client) {
  if (!answer || !client || client.outcome === 'processed' || request.includes('/void'))
    return nothing;
  const lateMs = answer.sentAt - client.time;
  const ago = lateMs < 1_000 ? `${lateMs} ms` : `${(lateMs / 1_000).toFixed(1)} s`;
  return lateMs < 1 ? nothing : html`<b class="bad">${ago} after the client left</b>`;
}

/** @param {Record<string, string>} headers */
function headersView(headers) {
  const rows = Object.entries(headers).map(([name, value]) => {
    const [title = name, note = ''] = NAMES[/** @type {keyof typeof NAMES} */ (name)] ?? [];
    return html`<li><span class="field">${title}:</span> ${value.replace(UUID, '$1…')} ${note ? html`<span class="note">${note}</span>` : nothing}</li>`;
  });
  return html`<ul>${rows}</ul>`;
}

/** @param {CodeCard} card */
function cardView({ side, file, firstLine, lines, marked, note }) {
  const line = (/** @type {string} */ text, /** @type {number} */ index) =>
    html`<span class=${index === marked ? 'line marked' : 'line'}><span class="number">${firstLine + index}</span>${text || ' '}</span>`;
  return html`<figure class="code">
    <figcaption>${file}</figcaption>
    <pre tabindex="0" aria-label="Code of ${TITLES[side]}"><code>${lines.map(line)}</code></pre>
    <p>${note}</p>
  </figure>`;
}
