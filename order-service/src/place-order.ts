import { hasAborted } from '@orders/chassis';
import type { Scope } from 'request-scope';
import type { Attempts } from './attempts/attempts.ts';
import type { Config } from './config.ts';
import { inventoryClient } from './downstream/inventory.ts';
import { paymentClient } from './downstream/payment.ts';
import type { Order } from './order.ts';
import { fromCancellation, OrderFailed } from './order-failed.ts';
import type { Send, Step, UntimedCall } from './step.ts';
import type { Voids } from './voids.ts';

type StepsConfig = Pick<Config, 'inventoryUrl' | 'paymentUrl' | 'callTimeoutMs'>;

/**
 * The steps of an order, first to last. To add one, see docs/add-a-step.md. If an order fails, every step that
 * may have been done is undone, the last one first.
 */
export function orderSteps({ inventoryUrl, paymentUrl, callTimeoutMs }: StepsConfig): Step[] {
  const inventory = inventoryClient(inventoryUrl);
  const payment = paymentClient(paymentUrl);
  return [
    { call: inventory.check, timeoutMs: callTimeoutMs },
    { call: payment.charge, timeoutMs: callTimeoutMs, undo: payment.void },
  ];
}

/** What placing an order needs. */
export interface Dependencies {
  steps: readonly Step[];
  send: Send;
  attempts: Attempts;
  voids: Voids;
}

/**
 * Places an order: resolves when every step is done and the order is recorded as processed. If it fails and a
 * step that has an `undo` may have been done, its void is pending by then.
 * @throws {OrderFailed} with the status and the text of the answer, or the error of a bug.
 */
export async function placeOrder(
  order: Order,
  { steps, send, attempts, voids }: Dependencies,
  scope: Scope,
): Promise<void> {
  let done = 0;
  try {
    let last: UntimedCall | undefined;
    for (const { call, timeoutMs } of steps) {
      last = call(order);
      await send({ ...last, timeoutMs }, scope);
      done += 1;
    }
    // The point of no return: the clock decides here, since the timer may be late.
    if (last && hasAborted(scope)) throw fromCancellation(scope.signal.reason, scope, last);
    await attempts.succeed(order, scope);
  } catch (error) {
    const mayBeDone = steps.slice(0, wasSurelyNotDone(error) ? done : done + 1);
    if (mayBeDone.some(({ undo }) => undo)) voids.add(order);
    else await attempts.close(order);
    throw error;
  }
}

/** Whether the step was never sent, or was refused. */
function wasSurelyNotDone(error: unknown): boolean {
  return error instanceof OrderFailed && !error.outcomeUnknown;
}
