// @ts-check
import { now } from './connection.js';

/**
 * The state that the events describe. A run is the work of one side on one order. All times are Unix time in
 * milliseconds.
 *
 * @typedef {'usual' | 'ours'} SideName
 * @typedef {'order' | 'inventory' | 'payment'} Lane
 * @typedef {{ time: number, msg: string, side: SideName, service: string, requestId: string, orderID: string,
 *   path?: string, budgetMs?: number, cause?: string, outcome?: Outcome, status?: number, waitsMs?: number,
 *   isForeign?: boolean, isCut?: boolean, isRestarting?: boolean, isOrderGone?: boolean,
 *   isShortened?: boolean,
 *   sides?: Record<SideName, { url: string, isCut: boolean, isRestarting: boolean }> }} LiveEvent
 * @typedef {'processed' | 'failed' | 'gave up' | 'hung up'} Outcome
 * @typedef {{ from: number, to?: number, stoppedBy?: string, isGone?: boolean, budgetMs?: number }} Bar
 * `stoppedBy` is the code of the cancellation that ended it, `budgetMs` the budget that its request carried.
 * @typedef {{ side: Side, order: Order, lines: LiveEvent[], bars: Map<Lane, Bar>, outcome?: Outcome,
 *   isCutBefore: boolean, status?: number, endedAt?: number, chargedAt?: number, voidedAt?: number }} Run
 * `isCutBefore`: the network was cut when the order was placed.
 * @typedef {{ id: string, number: string, from: number, waitsMs: number, isForeign: boolean,
 *   runs: Run[] }} Order
 * @typedef {{ name: SideName, title: string, url: string, isCut: boolean, isRestarting: boolean,
 *   isOrderGone?: boolean }} Side
 * @typedef {{ side: SideName, time: number, msg: string }} Action what happened to a side's network or process
 */

/** @type {Lane[]} */
export const LANES = ['order', 'inventory', 'payment'];
/** order-service only waits for the other two. @type {Lane[]} */
const WORKERS = ['inventory', 'payment'];
const TITLES = { usual: 'the usual way', ours: 'this repository' };

/** Log lines that end a service's part of an order. */
const ENDS =
  /^(Inventory check|Payment processing|Payment processed|Order (succ|canc|fail|refused))/;
const CANCELED = /canceled/;

/** @type {Side[]} */
export let sides = [];
/** @type {Map<string, Order>} in the order in which they were placed */
export const orders = new Map();
/** The order that was placed last. @type {Order | undefined} */
export let newest;
/** @type {Action[]} */
export let actions = [];
/** Whether the server has dropped older events. */
export let isShortened = false;

/**
 * Takes the next event.
 *
 * @param {LiveEvent} event
 * @returns {Order[]} the orders that it changed
 */
export function take(event) {
  if (event.sides) return begin(event);
  const side = sides.find(({ name }) => name === event.side);
  if (!side) return [];
  if (event.service === 'operator') return act(side, event);
  const isPlaced = event.service === 'client' && !event.outcome;
  const run = isPlaced ? place(side, event) : runOf(orders.get(event.requestId), side.name);
  if (!run) return [];
  run.lines.push(event);
  if (event.service === 'client') end(run, event);
  else work(run, event);
  return [run.order];
}

/** @type {(event: LiveEvent) => Order[]} */
function begin(event) {
  const names = /** @type {SideName[]} */ (Object.keys(event.sides ?? {}));
  sides = names.flatMap((name) => {
    const side = event.sides?.[name];
    return side ? [{ name, title: TITLES[name], ...side }] : [];
  });
  orders.clear();
  newest = undefined;
  actions = [];
  isShortened = event.isShortened ?? false;
  return [];
}

/** @type {(side: Side, event: LiveEvent) => Order[]} */
function act(
  side,
  { time, msg, isCut = side.isCut, isRestarting = side.isRestarting, isOrderGone },
) {
  Object.assign(side, { isCut, isRestarting });
  side.isOrderGone = isRestarting && (isOrderGone ?? side.isOrderGone ?? false);
  actions.push({ side: side.name, time, msg });
  if (!isOrderGone) return [];
  /** @type {Order[]} */
  const ended = [];
  for (const order of orders.values()) {
    const bar = runOf(order, side.name)?.bars.get('order');
    if (!bar || bar.to) continue;
    Object.assign(bar, { to: time, isGone: true });
    ended.push(order);
  }
  return ended;
}

/** @type {(side: Side, event: LiveEvent) => Run} */
function place(side, { requestId, orderID, time, waitsMs = Number.POSITIVE_INFINITY, ...more }) {
  /** @type {Order} */
  const order = orders.get(requestId) ?? {
    id: requestId,
    number: more.isForeign ? 'curl' : orderID.replace('live-', ''),
    from: time,
    waitsMs,
    isForeign: more.isForeign ?? false,
    runs: [],
  };
  /** @type {Run} */
  const run = { side, order, lines: [], bars: new Map(), isCutBefore: side.isCut };
  order.runs.push(run);
  orders.set(requestId, order);
  newest = order;
  return run;
}

/** @type {(run: Run, event: LiveEvent) => void} */
function end(run, { time, outcome, status }) {
  if (outcome) Object.assign(run, { outcome, status, endedAt: time });
}

/** @type {(run: Run, event: LiveEvent) => void} */
function work(run, { service, time, msg, path, cause, budgetMs }) {
  if (path === '/void') return;
  if (/^Payment voided/.test(msg)) {
    run.voidedAt = time;
    return;
  }
  // A payment that comes after its void is refused: no work begins.
  if (path === '/pay' && run.voidedAt) return;
  const lane = /** @type {Lane} */ (service.replace('-service', ''));
  if (!LANES.includes(lane)) return;
  // A line and a request's arrival come on separate ways: either may be first.
  const bar = run.bars.get(lane) ?? { from: time };
  bar.from = Math.min(bar.from, time);
  run.bars.set(lane, bar);
  if (path !== undefined) {
    if (budgetMs !== undefined) bar.budgetMs = budgetMs;
  } else if (ENDS.test(msg)) {
    bar.to = time;
    if (CANCELED.test(msg) || cause === 'deadline-exceeded') bar.stoppedBy = cause ?? 'canceled';
  }
  if (/^Payment processed/.test(msg)) run.chargedAt = time;
}

/** @type {(order: Order | undefined, name: SideName) => Run | undefined} */
export const runOf = (order, name) => order?.runs.find(({ side }) => side.name === name);

/**
 * When the run's client stopped waiting, or got no success: Infinity if it got one. It may lie ahead: then it is
 * the moment at which the client's time is up.
 *
 * @type {(run: Run) => number}
 */
export function leftAt({ order, outcome, endedAt = Number.POSITIVE_INFINITY }) {
  if (outcome === 'processed') return Number.POSITIVE_INFINITY;
  return Math.min(endedAt, order.from + order.waitsMs);
}

export const hasLeft = (/** @type {Run} */ run) => leftAt(run) <= now();

/** Whether the client's time was up before it got an answer. @type {(run: Run) => boolean} */
export const isTimeUp = (run) => hasLeft(run) && leftAt(run) === run.order.from + run.order.waitsMs;

/** Whether a service still works on it, or its client still waits. @type {(run: Run) => boolean} */
export const isOpen = ({ outcome, bars }) => !outcome || [...bars.values()].some(({ to }) => !to);

/** The end of what is known of a run. @type {(run: Run) => number} */
export const endOf = (run) =>
  isOpen(run)
    ? now()
    : Math.max(
        run.endedAt ?? 0,
        run.voidedAt ?? 0,
        ...[...run.bars.values()].map(({ to = 0 }) => to),
      );

/** Whether it is charged. @type {(run: Run) => boolean} */
export const isCharged = ({ chargedAt, voidedAt }) => Boolean(chargedAt && !voidedAt);

/** Charged, but its client got no success. @type {(run: Run) => boolean} */
export const isChargedForNobody = (run) => hasLeft(run) && isCharged(run);

/** How long a service went on after its client had left. @type {(run: Run, lane: Lane) => number} */
export function overMs(run, lane) {
  const bar = run.bars.get(lane);
  if (!bar || !hasLeft(run)) return 0;
  return Math.max(0, (bar.to ?? now()) - Math.max(leftAt(run), bar.from));
}

/** The work for nobody; waiting does not count. @type {(runs: Run[]) => number} */
export const wastedMs = (runs) =>
  runs.flatMap((run) => WORKERS.map((lane) => overMs(run, lane))).reduce((sum, ms) => sum + ms, 0);

/** A cancellation needs some milliseconds to arrive. Until then nothing can be said of it. */
const ARRIVES_MS = 100;
/** A service's own timer may fire a little before the client's time is up. */
const TIMER_SKEW_MS = 25;

/**
 * What became of the work once the client had left: `stopped`, `ran on` to its end, `runs on`, or still `unknown`.
 * `none`: there was none to stop.
 *
 * @typedef {'stopped' | 'ran on' | 'runs on' | 'unknown' | 'none'} Aftermath
 * @type {(run: Run) => Aftermath}
 */
export function aftermath(run) {
  const end = leftAt(run);
  const from = isTimeUp(run) ? end - TIMER_SKEW_MS : end;
  const isLater = (/** @type {Bar} */ { to = now() }) => to >= from;
  const later = WORKERS.flatMap((lane) => run.bars.get(lane) ?? []).filter(isLater);
  const order = run.bars.get('order');
  if ((order && !order.to) || later.some(({ to }) => !to))
    return now() - end < ARRIVES_MS ? 'unknown' : 'runs on';
  if (later.some(({ to, stoppedBy }) => to && to > end && !stoppedBy)) return 'ran on';
  const isStopped = [...run.bars.values()].some((bar) => bar.stoppedBy && isLater(bar));
  return isStopped ? 'stopped' : 'none';
}

/** Whether it began only after the client had left. @type {(run: Run, bar: Bar) => boolean} */
export const isLate = (run, { from }) => from > leftAt(run);

/** How long after the client had left the last service at work stopped. @type {(run: Run) => number} */
export const stoppedAfterMs = (run) =>
  Math.max(
    0,
    ...LANES.map((lane) => {
      const bar = run.bars.get(lane);
      return bar?.stoppedBy && !isLate(run, bar) ? overMs(run, lane) : 0;
    }),
  );
