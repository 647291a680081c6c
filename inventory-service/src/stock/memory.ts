import { setTimeout as sleep } from 'node:timers/promises';
import type { ScopeView } from 'request-scope';
import type { Stock } from './stock.ts';

export class MemoryStock implements Stock {
  readonly #durationMs: number;

  /** A check takes `durationMs` milliseconds of simulated work. */
  constructor(durationMs: number) {
    this.#durationMs = durationMs;
  }

  async check(_productID: string, { signal }: ScopeView): Promise<void> {
    await sleep(this.#durationMs, undefined, { signal });
  }
}
