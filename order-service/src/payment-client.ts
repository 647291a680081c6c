import type { Scope } from '@orders/cancellation';
import { IDEMPOTENCY_KEY_HEADER } from '@orders/chassis';
import type { Config } from './config.ts';
import { type Call, call } from './http/call.ts';
import { CallEnded } from './http/call-failed.ts';
import type { Order } from './order.ts';
import type { Voids } from './voids.ts';

/** A void is no work, only a change of mind: one that is not answered soon is better tried again. */
const VOID_TIMEOUT_MS = 1_000;

/**
 * Resolves if the payment service has charged the order. Throws CallEnded; if the order may have been
 * charged all the same, its void is under way by then. The payment itself is never tried again.
 */
export async function processPayment(
  order: Order,
  config: Config,
  voids: Voids,
  scope: Scope,
): Promise<void> {
  const request: Call = {
    step: 'Payment processing',
    service: 'payment-service',
    method: 'POST',
    url: `${config.paymentUrl}/pay`,
    params: { orderID: order.orderID },
    headers: { ...order.headers, [IDEMPOTENCY_KEY_HEADER]: order.idempotencyKey },
    timeoutMs: config.callTimeoutMs,
  };
  try {
    await call(request, scope);
  } catch (error) {
    const outcomeUnknown = !(error instanceof CallEnded) || error.outcomeUnknown;
    if (outcomeUnknown) voids.add(order, (own) => call(voidOf(request, config), own));
    throw error;
  }
}

function voidOf(payment: Call, config: Config): Call {
  return {
    ...payment,
    step: 'Payment void',
    url: `${config.paymentUrl}/void`,
    timeoutMs: VOID_TIMEOUT_MS,
  };
}
