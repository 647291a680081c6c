import { setTimeout as sleep } from 'node:timers/promises';
import { send } from './clients.ts';
import { until } from './time.ts';

const PAUSE_MS = 20;

/** How long a caller waits, in case its service is gone without closing the connection. */
const TIMEOUT_MS = 5_000;

/** What the caller of an order knows: the status of its answer, or undefined if there was none. */
export interface Outcome {
  orderID: string;
  status: number | undefined;
  body: string;
}

/** Callers that place one order after another, each with its own key, until `end`. */
export class KeyedLoad {
  readonly outcomes: Outcome[] = [];
  readonly #url: string;
  readonly #lanes: Promise<void>[];
  #isEnded = false;

  constructor(url: string, lanes: number) {
    this.#url = url;
    this.#lanes = Array.from({ length: lanes }, (_, lane) => this.#run(lane));
  }

  /** Places no more orders; resolves once all are answered. */
  async end(): Promise<void> {
    this.#isEnded = true;
    await Promise.all(this.#lanes);
  }

  /** Resolves once `count` more orders have been processed. */
  async processed(count: number): Promise<void> {
    const soFar = () => this.outcomes.filter(({ status }) => status === 200).length;
    const before = soFar();
    await until(`${count} orders processed`, async () => soFar() - before >= count || undefined);
  }

  /** Places an order, or places it again, under its key. */
  async ask(orderID: string): Promise<Outcome> {
    const headers = { 'idempotency-key': orderID };
    const { answer, hangUp } = send(`${this.#url}/order?orderID=${orderID}`, { headers });
    const timeout = setTimeout(hangUp, TIMEOUT_MS);
    const outcome = await answer.then(
      ({ status, body }) => ({ orderID, status, body }),
      () => ({ orderID, status: undefined, body: '' }),
    );
    clearTimeout(timeout);
    return outcome;
  }

  async #run(lane: number): Promise<void> {
    for (let count = 0; !this.#isEnded; count += 1) {
      const outcome = await this.ask(`lane-${lane}-${count}`);
      this.outcomes.push(outcome);
      // A caller that is refused pauses before the next order.
      if (outcome.status !== 200) await sleep(PAUSE_MS);
    }
  }
}

/**
 * Places one order after another while `work` runs; resolves with their number. Rejects if an order fails.
 */
export async function placeOrdersDuring(orderUrl: string, work: () => Promise<unknown>) {
  let isWorking = true;
  let orders = 0;
  const place = async () => {
    while (isWorking) {
      const { status, body } = await send(`${orderUrl}/order?orderID=beside`).answer;
      if (status !== 200) throw new Error(`an order was answered ${status} ${body}`);
      orders += 1;
    }
  };
  const finish = () => {
    isWorking = false;
  };
  await Promise.all([place(), work().finally(finish)]);
  return orders;
}
