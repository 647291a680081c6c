import type { Scope } from '#request-scope';
import type { Attempts } from './attempts.ts';
import { CallFailed } from './http/call-failed.ts';
import type { InventoryClient } from './inventory-client.ts';
import type { Order } from './order.ts';
import type { PaymentClient } from './payment-client.ts';
import type { Voids } from './voids.ts';

/** What it takes to place an order. */
export interface Dependencies {
  inventory: InventoryClient;
  payment: PaymentClient;
  attempts: Attempts;
  voids: Voids;
}

/**
 * Resolves once the order's product is in stock and the order is charged. Throws CallFailed,
 * which has the status and the text of the answer; if the order may have been charged all the same, its
 * void is under way by then.
 */
export async function placeOrder(
  order: Order,
  dependencies: Dependencies,
  scope: Scope,
): Promise<void> {
  const { inventory, payment, attempts, voids } = dependencies;
  let isChecked = false;
  try {
    await inventory.check(order, scope);
    isChecked = true;
    await payment.charge(order, scope);
    await attempts.succeed(order);
  } catch (error) {
    // The call has ended, but nobody knows whether the order was charged: take it back.
    if (isChecked && mayBeCharged(error)) voids.add(order);
    else await attempts.strikeOut(order);
    throw error;
  }
}

/** All but a call that was never sent, or was refused. */
function mayBeCharged(error: unknown): boolean {
  return !(error instanceof CallFailed) || error.outcomeUnknown;
}
