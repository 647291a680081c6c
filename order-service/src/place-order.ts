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
 * The steps of an order, first to last. To add one, add it here: docs/add-a-step.md. If an order fails, whatever
 * its steps may have done is taken back, the last step first.
 */
export function orderSteps({ inventoryUrl, paymentUrl, callTimeoutMs }: StepsConfig): Step[] {
  const inventory = inventoryClient(inventoryUrl);
  const payment = paymentClient(paymentUrl);
  return [
    { call: inventory.check, timeoutMs: callTimeoutMs },
    { call: payment.charge, timeoutMs: callTimeoutMs, undo: payment.void },
  ];
}

/** What it takes to place an order. */
export interface Dependencies {
  steps: readonly Step[];
  send: Send;
  attempts: Attempts;
  voids: Voids;
}

/**
 * Resolves once every step of the order is done and that is on record. Throws OrderFailed, which has the status
 * and the text of the answer, or a bug's error. If a step that leaves something behind may have been done all
 * the same, its undoing is under way by then.
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
    // The order's point of no return: here the clock decides, not the timer that may be late.
    if (last && hasAborted(scope)) throw fromCancellation(scope.signal.reason, scope, last);
    await attempts.succeed(order, scope);
  } catch (error) {
    const mayBeDone = steps.slice(0, surelyDidNothing(error) ? done : done + 1);
    if (mayBeDone.some(({ undo }) => undo)) voids.add(order);
    else await attempts.strikeOut(order);
    throw error;
  }
}

/** Only a call that was never sent, or was refused. */
function surelyDidNothing(error: unknown): boolean {
  return error instanceof OrderFailed && !error.outcomeUnknown;
}
