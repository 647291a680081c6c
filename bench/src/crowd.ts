import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from './client.ts';
import { OPENING } from './measure.ts';

const OPENING_PAUSE_MS = 50;

/** A caller that is refused tries again after `Retry-After: 1`. */
const RETRY_MS = 1_000;

/** Callers that always have one order in flight each, on separate connections to `urls` in turn. */
export class Crowd implements Disposable {
  /** How many orders have succeeded so far. */
  succeeded = 0;
  /** How many orders have failed so far, by the answer. */
  readonly failures = new Map<string, number>();
  readonly #urls: readonly string[];
  readonly #connections: Connection[] = [];
  #isOver = false;

  constructor(urls: readonly string[]) {
    this.#urls = urls;
  }

  /** Adds callers until there are `count`. */
  async growTo(count: number): Promise<void> {
    while (this.#connections.length < count) {
      for (let n = Math.min(OPENING, count - this.#connections.length); n > 0; n -= 1) {
        this.#placeOrders(this.#connections.length);
      }
      await sleep(OPENING_PAUSE_MS);
    }
  }

  async #placeOrders(caller: number): Promise<void> {
    const url = this.#urls[caller % this.#urls.length] ?? '';
    let connection = this.#open(caller, url);
    while (!this.#isOver) {
      try {
        await connection.order();
        this.succeeded += 1;
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        this.failures.set(message, (this.failures.get(message) ?? 0) + 1);
        await sleep(RETRY_MS);
        if (connection.isClosed && !this.#isOver) connection = this.#open(caller, url);
      }
    }
  }

  #open(caller: number, url: string): Connection {
    const connection = new Connection(url);
    this.#connections[caller] = connection;
    return connection;
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    for (const connection of this.#connections) connection[Symbol.dispose]();
  }
}
