import { MemoryAttempts } from '../src/attempts/memory.ts';
import { call } from '../src/downstream/call.ts';
import { paymentClient } from '../src/downstream/payment.ts';
import type { Dependencies } from '../src/place-order.ts';
import type { Step } from '../src/step.ts';
import { createUndoOrder, Voids } from '../src/voids.ts';

const LONG_MS = 60_000;

/** The step that charges an order at the payment service at `url`. */
export function paymentStep(url: string, timeoutMs = LONG_MS): Step {
  const { charge, void: undo } = paymentClient(url);
  return { call: charge, undo, timeoutMs };
}

/** What it takes to place an order of these steps, without a service around it. */
export function dependenciesFor(
  steps: readonly Step[],
  attempts = new MemoryAttempts(LONG_MS),
): Dependencies {
  const undo = createUndoOrder(attempts, steps, call, LONG_MS);
  const voids = new Voids(undo, { giveUpMs: LONG_MS, rememberedMs: LONG_MS });
  return { steps, send: call, attempts, voids };
}
