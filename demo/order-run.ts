import type { LogLine } from '../harness/service-process.ts';
import type { ShortName } from '../services.ts';

/** A service's part of an order: from the request's arrival to the log line that ends it. Unix times in ms. */
export interface Bar {
  from: number;
  to?: number | undefined;
  /** The code of the cause that stopped it early. */
  cause?: string;
}

export type Money = 'not charged' | 'charged once' | 'taken back' | 'charged more than once';

/** What was done to the network in front of payment-service, and to order-service. Unix times in ms. */
export interface Happened {
  cutAt?: number;
  healedAt?: number;
  signaledAt?: number;
}

/** How the client's wait has ended: with an answer's status, or without an answer. */
export type Ending = number | 'hung up' | 'no answer';

/** What one system does with one order, as its services report it. Instants are Unix times in milliseconds. */
export class OrderRun {
  readonly placedAt: number;
  /** When the caller's budget is spent. */
  readonly deadline: number;
  readonly bars = new Map<ShortName, Bar>();
  ended: { at: number; how: Ending } | undefined;
  /** From when on nobody waits for the order. */
  leftAt: number | undefined;
  chargedAt: number | undefined;
  voidedAt: number | undefined;
  /** The money at the end, as the system itself tells it. */
  money: Money = 'not charged';

  constructor(placedAt: number, budgetMs: number) {
    this.placedAt = placedAt;
    this.deadline = placedAt + budgetMs;
  }

  /** The client waits no longer. */
  end(how: Ending, at = Date.now()): void {
    if (this.ended) return;
    this.ended = { at, how };
    if (how !== 200) this.leftAt = Math.min(at, this.deadline);
  }

  /** A request has arrived at a service. */
  arrive(service: ShortName, path: string, time: number): void {
    if (path.includes('void')) return;
    this.bars.set(service, { ...this.bars.get(service), from: time });
  }

  /** A service has logged something about the order. */
  take(service: ShortName, { msg, time, cause }: LogLine): void {
    if (msg.startsWith('Payment processed')) this.chargedAt = time;
    if (msg.startsWith('Payment voided')) this.voidedAt = time;
    if (/^Placing order|void/i.test(msg)) return;
    const bar = this.bars.get(service) ?? { from: time };
    if (bar.to === undefined) this.bars.set(service, { ...bar, to: time, ...(cause && { cause }) });
  }

  /** How long the work went on after nobody waited for it, if a service stopped early and none goes on. */
  get stoppedMs(): number | undefined {
    const { leftAt } = this;
    const bars = [...this.bars.values()];
    const isStopped = bars.some(({ cause }) => cause) && bars.every(({ to }) => to !== undefined);
    if (leftAt === undefined || !isStopped) return undefined;
    return Math.max(...bars.map(({ to = leftAt }) => to - leftAt));
  }

  /** The work for nobody. order-service is left out: it only waits for the others. */
  get forNobodyMs(): number {
    const leftAt = this.leftAt ?? Number.POSITIVE_INFINITY;
    const called = [...this.bars].filter(([service]) => service !== 'order');
    const overMs = called.map(([, { from, to = Date.now() }]) => to - Math.max(leftAt, from));
    return overMs.reduce((sum, ms) => sum + Math.max(0, ms), 0);
  }
}

/** A duration as text: `< 1 ms`, `19 ms`, `2.0 s`. */
export function duration(ms: number): string {
  if (ms < 1) return '< 1 ms';
  return ms < 1_000 ? `${Math.round(ms)} ms` : seconds(ms);
}

export const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;
