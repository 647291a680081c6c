// @ts-check
import { html, render } from './dom.js';
import { say } from './sentence.js';

/** A browser opens six connections to a host: one for the events, one for the other buttons, four for orders. */
const MAX_UNDER_WAY = 4;

/** The requests that this page waits for. */
const underWay = new Set();

/** @param {string} path @param {AbortSignal} [signal] */
const press = (path, signal) => fetch(path, { method: 'POST', ...(signal && { signal }) });

/** Sends an order or a crowd of them; hangs up after `leaveAfterMs`, if given, by aborting the fetch. */
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

/** @param {HTMLElement} root where the buttons go */
export function drawControls(root) {
  render(BUTTONS.map(buttonOf), root);
  addEventListener('keydown', ({ key }) => key === 'Escape' && hangUp());
}
