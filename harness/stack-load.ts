import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { eachLine } from '../processes/each-line.ts';
import { ROOT } from '../processes/repository.ts';
import { Feed } from './feed.ts';
import type { Outcome } from './load.ts';
import { tether } from './tether.ts';

const IMAGE = 'node:26-slim';

/** What a caller in the container knows about its order. */
export interface StackOutcome extends Outcome {
  requestId: string;
  /** By the clock that the services use for their logs. */
  sentAt: number;
  endedAt: number;
  hungUp: boolean;
}

/** 50 orders per second from patient callers, and a third as many from callers that hang up (stack-callers.ts). */
export class StackLoad implements AsyncDisposable {
  readonly #outcomes = new Feed<StackOutcome>();
  readonly #replies = new Feed<StackOutcome>();
  readonly #child;
  readonly #closed: Promise<unknown>;

  constructor(network: string) {
    const mount = `${ROOT}:/app:ro`;
    const run = ['run', '--rm', '--interactive', `--network=${network}`, '--volume', mount];
    const node = [IMAGE, 'node', '/app/harness/stack-callers.ts'];
    const stdio = ['pipe', 'pipe', 'inherit'] as const;
    this.#child = tether(spawn('docker', [...run, ...node], { stdio: [...stdio] }));
    this.#closed = once(this.#child, 'close');
    eachLine(this.#child.stdout, (line) => {
      const { outcome, reply } = JSON.parse(line);
      if (outcome) this.#outcomes.push(outcome);
      else this.#replies.push(reply);
    });
    this.#closed.then(() => {
      for (const feed of [this.#outcomes, this.#replies]) feed.end(new Error('the callers ended'));
    });
  }

  get outcomes(): StackOutcome[] {
    return this.#outcomes.items;
  }

  /** The orders of patient callers. */
  get patient(): StackOutcome[] {
    return this.outcomes.filter(({ hungUp }) => !hungUp);
  }

  start(): void {
    this.#write('start');
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
    await this.#reply('stop');
  }

  /** Places an order again under its key. */
  async ask(orderID: string): Promise<Outcome> {
    return this.#reply(`ask ${orderID}`);
  }

  #write(line: string): void {
    this.#child.stdin.write(`${line}\n`);
  }

  #reply(line: string): Promise<StackOutcome> {
    const reply = this.#replies.next(() => true, this.#replies.items.length + 1);
    this.#write(line);
    return reply;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin.end();
    await this.#closed;
  }
}
