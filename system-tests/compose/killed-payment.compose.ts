import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect } from 'vitest';
import { type Answer, send } from '../../harness/clients.ts';
import { ComposeStack } from '../../harness/compose-stack.ts';
import { until } from '../../harness/time.ts';
import { scene } from '../support/scene.ts';

const ORDER_EVERY_MS = 20;
const ENOUGH = 50;

const stack = new ComposeStack();
const quick = { CHECK_DURATION_MS: '200', PAYMENT_DURATION_MS: '500' };
beforeAll(() => stack.up(quick));
afterAll(() => stack.down());

/** Places an order every 20 ms until it is disposed of. */
class Load implements AsyncDisposable {
  readonly answers: Answer[] = [];
  readonly #orders: Promise<void>[] = [];
  #ended = false;
  readonly #run = this.#place();

  get placed(): number {
    return this.#orders.length;
  }

  /** Resolves once `count` orders that begin from now on are answered with `status`. */
  async see(status: number, count = ENOUGH): Promise<void> {
    const from = this.#orders.length;
    await until(`${count} orders answered ${status}`, async () => {
      const seen = this.answers.slice(from).filter((answer) => answer.status === status);
      return seen.length >= count || undefined;
    });
  }

  /** Stops placing orders. Resolves once all are answered. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    await this.#run;
    await Promise.all(this.#orders);
  }

  async #place(): Promise<void> {
    while (!this.#ended) {
      const index = this.#orders.length;
      const { answer } = send('http://127.0.0.1:8080/order');
      const none = (error: unknown) => ({ status: 0, headers: {}, body: String(error) });
      this.#orders.push(
        answer.catch(none).then((answered) => {
          this.answers[index] = answered;
        }),
      );
      await sleep(ORDER_EVERY_MS);
    }
  }
}

scene(
  'kill -9 of payment-service under load, and its restart',
  'orders fail cleanly, then succeed again',
  async () => {
    const orderService = await stack.inspect('order-service', '{{.State.StartedAt}}');
    await using load = new Load();
    await load.see(200);
    await stack.kill('payment-service');
    await load.see(500);
    await stack.up(quick);
    const returned = load.placed;
    await load.see(200);
    await load[Symbol.asyncDispose]();
    expect(load.answers.slice(returned).every(({ status }) => status === 200)).toBe(true);
    const failures = load.answers.filter(({ status }) => status !== 200);
    for (const { status, body } of failures) {
      expect({ status, body }).toEqual({
        status: 500,
        body: expect.stringMatching(/^Payment processing failed: /),
      });
    }
    expect(await stack.inspect('order-service', '{{.State.StartedAt}}')).toBe(orderService);
    const codes = new Set(failures.map(({ body }) => /\((\w+)\)/.exec(body)?.[1] ?? 'deadline'));
    return `${failures.length} of ${load.placed} failed: ${[...codes].join(', ')}`;
  },
);
