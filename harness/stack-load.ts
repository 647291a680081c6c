import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { eachLine } from '../processes/each-line.ts';
import { ROOT } from '../processes/repository.ts';
import { Feed } from './feed.ts';
import type { Verdict } from './load.ts';
import { tether } from './tether.ts';

const IMAGE = 'node:26-slim';

/** What a caller in a container knows of its order. */
export interface StackVerdict extends Verdict {
  requestId: string;
  /** By the clock that the services log by. */
  sentAt: number;
  endedAt: number;
  hungUp: boolean;
}

/** 50 orders a second of patient callers and a third as many who hang up: harness/stack-callers.ts. */
export class StackLoad implements AsyncDisposable {
  readonly #verdicts = new Feed<StackVerdict>();
  readonly #replies = new Feed<StackVerdict>();
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
      const { verdict, reply } = JSON.parse(line);
      if (verdict) this.#verdicts.push(verdict);
      else this.#replies.push(reply);
    });
    this.#closed.then(() => {
      for (const feed of [this.#verdicts, this.#replies]) feed.end(new Error('the callers ended'));
    });
  }

  get verdicts(): StackVerdict[] {
    return this.#verdicts.items;
  }

  /** Those of the callers who wait. */
  get patient(): StackVerdict[] {
    return this.verdicts.filter(({ hungUp }) => !hungUp);
  }

  start(): void {
    this.#say('start');
  }

  /** Resolves once `count` more orders of patient callers have been processed. */
  async processed(count: number): Promise<void> {
    const isProcessed = ({ status }: StackVerdict) => status === 200;
    const before = this.verdicts.filter(isProcessed).length;
    await this.#verdicts.next(isProcessed, before + count);
  }

  /** Resolves with the next order of a patient caller that fails. */
  async failed(): Promise<StackVerdict> {
    const isFailed = ({ status, hungUp }: StackVerdict) => status !== 200 && !hungUp;
    return this.#verdicts.next(isFailed, this.verdicts.filter(isFailed).length + 1);
  }

  /** Places no more; resolves once all are answered. */
  async stop(): Promise<void> {
    await this.#reply('stop');
  }

  /** Asks for an order again, under its key. */
  async ask(orderID: string): Promise<Verdict> {
    return this.#reply(`ask ${orderID}`);
  }

  #say(line: string): void {
    this.#child.stdin.write(`${line}\n`);
  }

  #reply(line: string): Promise<StackVerdict> {
    const reply = this.#replies.next(() => true, this.#replies.items.length + 1);
    this.#say(line);
    return reply;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin.end();
    await this.#closed;
  }
}
