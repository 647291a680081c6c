import { setTimeout as sleep } from 'node:timers/promises';
import { Feed } from './feed.ts';
import type { Outcome } from './load.ts';

const POLL_MS = 500;

/** What a caller in the cluster knows about its order. */
export interface StackOutcome extends Outcome {
  requestId: string;
  /** By the clock that the services use for their logs. */
  sentAt: number;
  endedAt: number;
  hungUp: boolean;
}

/** Patient callers, and a third as many that hang up, in a pod of the cluster (stack-callers.ts). */
export class StackLoad implements AsyncDisposable {
  readonly #outcomes = new Feed<StackOutcome>();
  readonly #command: (command: string) => Promise<unknown>;
  readonly #polling = new AbortController();
  #next = 0;
  #polled: Promise<void> = Promise.resolve();

  /** `command` sends a command to the callers, and rejects if they cannot be reached. */
  constructor(command: (command: string) => Promise<unknown>) {
    this.#command = command;
  }

  get outcomes(): StackOutcome[] {
    return this.#outcomes.items;
  }

  /** The orders of patient callers. */
  get patient(): StackOutcome[] {
    return this.outcomes.filter(({ hungUp }) => !hungUp);
  }

  /** Starts as many patient callers each second. The orders of an earlier load do not count. */
  async start(perSecond: number): Promise<void> {
    const { outcomes } = await this.#read('/outcomes?from=0');
    this.#next = outcomes.length;
    await this.#command(`/start?perSecond=${perSecond}`);
    this.#polled = this.#poll();
  }

  /** Resolves once `count` more orders of patient callers have been processed. */
  async processed(count: number): Promise<void> {
    const isProcessed = ({ status }: StackOutcome) => status === 200;
    const before = this.outcomes.filter(isProcessed).length;
    await this.#outcomes.next(isProcessed, before + count);
  }

  /** Resolves with the next order of a patient caller that fails. */
  async failed(): Promise<StackOutcome> {
    const isFailed = ({ status, hungUp }: StackOutcome) => status !== 200 && !hungUp;
    return this.#outcomes.next(isFailed, this.outcomes.filter(isFailed).length + 1);
  }

  /** Places no more orders; resolves once all are answered. */
  async stop(): Promise<void> {
    this.#polling.abort();
    await this.#polled;
    await this.#command('/stop?from=0');
    while ((await this.#take()) > 0) await sleep(POLL_MS);
  }

  /** Places an order again under its key. */
  async ask(orderID: string): Promise<Outcome> {
    return (await this.#command(`/ask?orderID=${orderID}`)) as Outcome;
  }

  async #poll(): Promise<void> {
    while (!this.#polling.signal.aborted) {
      await this.#take().catch(() => {}); // The API server may be away.
      await sleep(POLL_MS);
    }
  }

  /** Takes the orders that have ended since; resolves with the number of those under way. */
  async #take(): Promise<number> {
    const { outcomes, underWay } = await this.#read(`/outcomes?from=${this.#next}`);
    this.#next += outcomes.length;
    for (const outcome of outcomes) this.#outcomes.push(outcome);
    return underWay;
  }

  async #read(command: string): Promise<{ outcomes: StackOutcome[]; underWay: number }> {
    return (await this.#command(command)) as { outcomes: StackOutcome[]; underWay: number };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#polling.signal.aborted) return;
    this.#polling.abort();
    await this.#polled;
    await this.#command('/stop?from=0');
  }
}
