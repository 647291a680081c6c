import pLimit from 'p-limit';
import type { Scope } from 'request-scope';
import type { Attempts } from './attempts/attempts.ts';
import type { Order } from './order.ts';
import type { Send, Step } from './step.ts';

/** One try to take back an order that may be charged; resolves if it is not any more. Throws CallFailed. */
export type TakeBack = (order: Order, scope: Scope) => Promise<void>;

/** Orders that are taken back at the same time; the others wait for their turn. */
const MAX_CONCURRENT = 200;

/**
 * Takes back every step of `steps` that has an `undo`, the last one first; each call may take `timeoutMs`. An
 * order that is known to be processed stays so: its verdict was only not heard. That it has failed is on record
 * at once, however long the line before the services is: its caller may ask.
 */
export function takeBack(
  attempts: Attempts,
  steps: readonly Pick<Step, 'undo'>[],
  send: Send,
  timeoutMs: number,
): TakeBack {
  const recording = pLimit(MAX_CONCURRENT);
  const undoing = pLimit(MAX_CONCURRENT);
  const undos = steps.flatMap(({ undo }) => undo ?? []).reverse();

  const undoAll = async (order: Order, scope: Scope) => {
    const failures: unknown[] = [];
    for (const undo of undos) {
      try {
        await send({ ...undo(order), timeoutMs }, scope);
      } catch (error) {
        failures.push(error); // One that cannot be undone yet holds up no other, the payment's void least.
      }
    }
    if (failures.length > 0) throw failures[0];
  };

  return async (order, scope) => {
    if (!(await recording(() => attempts.fail(order)))) return;
    await undoing(() => undoAll(order, scope));
    await attempts.strikeOut(order);
  };
}
