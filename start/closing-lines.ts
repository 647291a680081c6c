import {
  columnsOf,
  type LogLine,
  MAX_COLUMNS,
  shortId,
  startOf,
} from '../chassis/src/pretty-line.ts';
import { CALLED } from '../services.ts';

/** A call takes five seconds at most by default. A request that has not arrived by then never will. */
const WAIT_MS = 5_000;

/** More orders than order-service has in flight by default. Orders beyond get no closing line. */
const MAX_FOLLOWED = 10_000;

/** How many requests may arrive before the launcher has read the line that their order is placed. */
const MAX_EARLY = 10_000;

const ORDER = 'order-service';
const PAYMENT = 'payment-service';

/** The service of a failed step that was never sent, or has ended with an answer. */
const NOT_WORKING = /: (\S+-service) (?:answered \d+|is unreachable \(ECONNREFUSED\))$/;

/** How a service's work for an order ended. */
interface End {
  /** Unix time in milliseconds. */
  at: number;
  /** Whether it was completed. Only then is the next service called. */
  isDone: boolean;
}

interface Order {
  requestId: string;
  paymentKey: string | undefined;
  /** The time of the first line that says canceled or failed. */
  canceledAt: number;
  /** How the order ended, once order-service has said that. */
  reason?: string;
  /** The services that its calls have reached. */
  reached: Set<string>;
  /** By service. */
  ends: Map<string, End>;
  charge: 'unknown' | 'none' | 'charged';
  /** Whether the void was acknowledged, or none is needed because the payment was never begun. */
  isVoided: boolean;
  /** Whether order-service retries the void until it is acknowledged. */
  isVoidRetried: boolean;
  timer?: NodeJS.Timeout;
}

/**
 * Follows orders through the log lines of all services, and prints a line for each that was canceled or failed, as soon
 * as all its work has ended and its payment is voided. After 5 s the line comes without what is not known by then.
 * Orders that are in flight under the same request id cannot be told apart, and get none.
 */
export class ClosingLines {
  readonly #print: (line: string) => void;
  readonly #waitMs: number;
  /** By request id, since inventory-service does not know the payment key. */
  readonly #orders = new Map<string, Order>();
  /** The services that requests of other ids have reached. */
  readonly #early = new Map<string, Set<string>>();
  /** The payment keys in flight under a request id that several orders have. */
  readonly #ambiguous = new Map<string, Set<string | undefined>>();

  constructor(print: (line: string) => void, waitMs = WAIT_MS) {
    this.#print = print;
    this.#waitMs = waitMs;
  }

  /** Takes the next line of a service's log. */
  take(line: LogLine): void {
    const { service, requestId } = line;
    if (line.msg.startsWith('Log lines lost')) this.#forgetAll();
    if (service === undefined || requestId === undefined) return;
    const order = this.#orders.get(requestId);
    const keys = this.#ambiguous.get(requestId);
    if (keys) this.#takeAmbiguous(keys, requestId, line);
    else if (isBegin(line)) this.#begin(requestId, line);
    else if (order && !isOfAnother(order, line)) this.#follow(order, service, line);
  }

  /** A request, other than a void, has reached a service that order-service calls. */
  reached(service: string, requestId: string): void {
    const reached = this.#orders.get(requestId)?.reached ?? this.#early.get(requestId) ?? new Set();
    reached.add(service);
    if (this.#orders.has(requestId)) return;
    this.#early.set(requestId, reached);
    for (const id of this.#early.keys()) {
      if (this.#early.size <= MAX_EARLY) break;
      this.#early.delete(id);
    }
  }

  /** The process of a service has ended after its last line. `how`: `exited with code 0`. */
  exited(service: string, how: string): void {
    const at = Date.now();
    if (service === ORDER) this.#ambiguous.clear();
    for (const order of [...this.#orders.values()]) {
      if (service === ORDER) {
        order.isVoidRetried = false;
        if (order.reason === undefined) this.#end(order, `${service} ${how}`, at);
      } else if (workOf(order).includes(service)) order.ends.set(service, { at, isDone: false });
      this.#closeIfSettled(order);
    }
  }

  /** All processes have ended. */
  finish(): void {
    for (const order of [...this.#orders.values()]) this.#closeAnyway(order);
  }

  #begin(requestId: string, { paymentKey }: LogLine): void {
    const other = this.#orders.get(requestId);
    if (other) {
      const isInFlight = other.reason === undefined;
      this.#ambiguous.set(
        requestId,
        new Set(isInFlight ? [other.paymentKey, paymentKey] : [paymentKey]),
      );
      this.#close(other);
    } else if (this.#orders.size < MAX_FOLLOWED) {
      this.#orders.set(requestId, {
        requestId,
        paymentKey,
        canceledAt: Number.POSITIVE_INFINITY,
        reached: this.#early.get(requestId) ?? new Set(),
        ends: new Map(),
        charge: 'unknown',
        isVoided: false,
        isVoidRetried: true,
      });
      this.#early.delete(requestId);
    }
  }

  #takeAmbiguous(keys: Set<string | undefined>, requestId: string, line: LogLine): void {
    const { service, cause, paymentKey } = line;
    if (isBegin(line)) keys.add(paymentKey);
    else if (service === ORDER && (cause !== undefined || isProcessed(line)))
      keys.delete(paymentKey);
    if (keys.size === 0) this.#ambiguous.delete(requestId);
  }

  #follow(order: Order, service: string, line: LogLine): void {
    const { cause, time } = line;
    if (cause !== undefined) order.canceledAt = Math.min(order.canceledAt, time);
    if (service !== ORDER) takeCalled(order, service, line);
    else if (isProcessed(line)) this.#forget(order);
    else if (line.msg.startsWith('Payment voided after all')) order.isVoided = true;
    else if (cause !== undefined && order.reason === undefined) this.#takeFailure(order, line);
    this.#closeIfSettled(order);
  }

  /** Takes the line in which order-service says that the order was canceled or failed. */
  #takeFailure(order: Order, { msg, cause, time }: LogLine): void {
    const [, service] = NOT_WORKING.exec(msg) ?? [];
    if (service !== undefined && !order.ends.has(service)) {
      order.ends.set(service, { at: time, isDone: false });
      // With any other status the payment may have been begun.
      if (service === PAYMENT && cause !== 'other-status') order.isVoided = true;
    }
    // The record decides: an order that was processed keeps its charge.
    order.isVoidRetried = cause !== 'outcome-unknown';
    const [, reason = msg] = /^(?:Order canceled|[\w ]+ failed): (.*)/.exec(msg) ?? [];
    this.#end(order, order.isVoidRetried ? reason : 'outcome unknown', time);
  }

  #end(order: Order, reason: string, at: number): void {
    order.reason = reason;
    order.canceledAt = Math.min(order.canceledAt, at);
    order.ends.set(ORDER, { at, isDone: false });
    order.timer = setTimeout(() => this.#closeAnyway(order), this.#waitMs).unref();
  }

  #closeIfSettled(order: Order): void {
    if (order.reason === undefined) return;
    if (wasNeverPaid(order) || (order.isVoided && workOf(order).length === 0)) this.#close(order);
  }

  #closeAnyway(order: Order): void {
    const [service] = workOf(order);
    if (service !== undefined && !order.reached.has(service)) {
      order.ends.set(service, { at: order.canceledAt, isDone: false });
      if (service === PAYMENT) order.charge = 'none';
    }
    this.#close(order);
  }

  #close(order: Order): void {
    this.#forget(order);
    if (order.reason !== undefined) this.#print(closingLine(order, order.reason));
  }

  #forget(order: Order): void {
    clearTimeout(order.timer);
    this.#orders.delete(order.requestId);
  }

  #forgetAll(): void {
    for (const order of [...this.#orders.values()]) this.#forget(order);
    this.#ambiguous.clear();
  }
}

const isProcessed = ({ msg }: LogLine) => msg === 'Order successfully processed';

const isBegin = ({ service, msg }: LogLine) => service === ORDER && msg.startsWith('Placing order');

/** Whether the line is of an attempt or a refusal under the same request id. */
function isOfAnother(order: Order, { service, paymentKey }: LogLine): boolean {
  return paymentKey === undefined ? service === ORDER : paymentKey !== order.paymentKey;
}

/** Takes a line of a service that order-service calls. */
function takeCalled(order: Order, service: string, { level, msg, cause, time }: LogLine): void {
  const isDone = cause === undefined;
  const isPayment = service === PAYMENT;
  if (isPayment && msg.startsWith('Payment voided')) order.isVoided = true;
  const isOther = isPayment && isDone && !msg.startsWith('Payment processed');
  if (isOther || level >= 50) return;
  order.ends.set(service, { at: time, isDone });
  if (isPayment && isDone) order.charge = 'charged';
  else if (isPayment && level < 40) order.charge = 'none'; // The outcome of a commit may be unknown, at level warn.
}

/** The services that may have begun to work, in the order in which they are called. */
function begun({ ends }: Order): string[] {
  const services = CALLED.map((name) => `${name}-service`);
  const last = services.findIndex((service) => !ends.get(service)?.isDone);
  return last === -1 ? services : services.slice(0, last + 1);
}

/** The services whose work may still go on. */
const workOf = (order: Order) => begun(order).filter((service) => !order.ends.has(service));

function closingLine(order: Order, reason: string): string {
  const what = ` · ${workText(order)} · ${moneyText(order)} ──`;
  const start = `── ${shortId(order.requestId)}: `;
  const room = MAX_COLUMNS - columnsOf(start) - columnsOf(what) - 1;
  const isLong = columnsOf(reason) > room;
  const text = `${start}${isLong ? `${startOf(reason, room - 1)}…` : reason}${what}`;
  return text + '─'.repeat(Math.max(0, MAX_COLUMNS - columnsOf(text)));
}

function workText(order: Order): string {
  const [working] = workOf(order);
  if (working) return `no word from ${working}`;
  const last = Math.max(...[...order.ends.values()].map(({ at }) => at));
  const ms = Math.max(1, last - order.canceledAt);
  const within = ms < 1_000 ? `${ms} ms` : `${Math.ceil(ms / 100) / 10} s`;
  return `all work stopped within ${within}`;
}

function moneyText(order: Order): string {
  const { charge, isVoided, isVoidRetried } = order;
  if (isVoided || charge === 'none' || wasNeverPaid(order)) return 'nothing charged';
  if (charge === 'unknown') return 'charge unknown';
  return isVoidRetried ? 'charged, void pending' : 'charged';
}

/** Whether payment-service was never called. */
const wasNeverPaid = (order: Order) =>
  workOf(order).length === 0 && !begun(order).includes(PAYMENT);
