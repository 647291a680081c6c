// @ts-check
/**
 * The state that the events describe. A run is the work of one side on one order.
 *
 * @typedef {'usual' | 'ours'} SideName
 * @typedef {'client' | 'order' | 'inventory' | 'payment'} Lane
 * @typedef {{ from: number, to?: number, isStopped?: boolean, isGone?: boolean }} Bar
 * @typedef {{ time: number, msg: string, side: SideName, service: string, requestId: string,
 *   orderID: string, path?: string, outcome?: string, crowd?: string, budgetMs?: number,
 *   order?: string, cause?: string, network?: string, process?: string,
 *   urls?: Record<SideName, string> }} LiveEvent
 * @typedef {{ placed: LiveEvent, lines: LiveEvent[], bars: Map<Lane, Bar>, outcome: string,
 *   leftAt: number, coin: string, row: HTMLElement }} Run
 * @typedef {{ name: SideName, title: string, how: string, url: string, network: string,
 *   process: string, note: string, runs: Map<string, Run>, root: HTMLElement }} Side
 */

/** @type {Lane[]} */
export const LANES = ['client', 'order', 'inventory', 'payment'];
const TITLES = {
  usual: ['As everybody writes it', 'Express, axios with a timeout, no cancellation'],
  ours: ['This repository', 'the same three services, with cancellation'],
};
/** Log lines that end a service's part of an order, and the ones among them that end it early. */
const ENDS = /^(Inventory check|Payment proc|Order (succ|canc|failed))/;
const STOPS = /canceled/;

/** @type {Side[]} */
export let sides = [];

export const numberOf = (/** @type {Run} */ { placed }) => placed.orderID.replace('live-', '');
export const sideOf = (/** @type {Run} */ { placed }) =>
  sides.find(({ name }) => name === placed.side);
export const isFailed = (/** @type {Run} */ { leftAt }) => leftAt < Number.POSITIVE_INFINITY;
export const isOpen = (/** @type {Run} */ { bars }) => [...bars.values()].some(({ to }) => !to);
export const isLost = (/** @type {Run} */ run) => isFailed(run) && run.coin === 'charged';
/** @param {Run} run @param {Lane} lane how long it went on after the client had left */
export const overMs = ({ bars, leftAt }, lane) => {
  const { from, to = Date.now() } = bars.get(lane) ?? { from: 0, to: 0 };
  return Math.max(0, to - Math.max(leftAt, from));
};
/** order-service is left out: it only waits for the other two. */
const wastedMs = (/** @type {Run} */ run) => overMs(run, 'inventory') + overMs(run, 'payment');
export const wastedOnAll = (/** @type {Run[]} */ runs) =>
  runs.reduce((total, run) => total + wastedMs(run), 0);

/** @param {Record<SideName, string>} urls the URL of each side's order-service */
export function begin(urls) {
  const names = /** @type {SideName[]} */ (Object.keys(urls));
  sides = names.map((name) => {
    const [title = '', how = ''] = TITLES[name];
    const root = Object.assign(document.createElement('section'), { id: name, ariaLabel: title });
    const calm = { network: '', process: '', note: '' };
    return { name, title, how, url: urls[name], ...calm, runs: new Map(), root };
  });
}

/** @type {(event: LiveEvent) => Run[]} the runs that the event changed */
export function take(event) {
  const { time, msg, requestId } = event;
  const side = sides.find(({ name }) => name === event.side);
  if (!side) return [];
  if (event.service === 'operator') {
    const { network = side.network, process = side.process } = event;
    Object.assign(side, { network, process, note: `${side.title}: ${msg}.` });
  }
  if (event.service === 'client' && !event.outcome) return [place(side, event)];
  const gone = event.order === 'gone' ? endOrders(side, time) : [];
  const run = side.runs.get(requestId);
  if (run) follow(run, event);
  return run ? [...gone, run] : gone;
}

/** @param {Side} side @param {LiveEvent} placed */
function place(side, placed) {
  const row = document.createElement('li');
  const begun = { lines: [placed], outcome: '', leftAt: Number.POSITIVE_INFINITY, coin: '' };
  const run = { ...begun, placed, bars: new Map(), row };
  run.bars.set('client', { from: placed.time });
  side.runs.set(placed.requestId, run);
  return run;
}

/** @param {Side} side @param {number} time when order-service's process ended, and with it all its orders */
function endOrders({ runs }, time) {
  /** @type {Run[]} */
  const ended = [];
  for (const run of runs.values()) {
    const bar = run.bars.get('order');
    if (!bar || bar.to) continue;
    Object.assign(bar, { to: time, isGone: true });
    ended.push(run);
  }
  return ended;
}

/** @param {Run} run @param {LiveEvent} event */
function follow(run, event) {
  const { service, time, msg, outcome } = event;
  run.lines.push(event);
  if (/void/i.test(event.path ?? msg)) {
    if (run.coin && event.path === undefined) run.coin = 'taken back';
    return;
  }
  const lane = /** @type {Lane} */ (service.replace('-service', ''));
  if (!LANES.includes(lane)) return;
  const bar = run.bars.get(lane) ?? { from: time };
  run.bars.set(lane, bar);
  if (outcome || ENDS.test(msg)) Object.assign(bar, { to: time, isStopped: STOPS.test(msg) });
  if (outcome) run.outcome = outcome;
  if (outcome && outcome !== 'processed') run.leftAt = time;
  if (msg.startsWith('Payment processed')) run.coin = 'charged';
}
