import { OrderRun } from '../order-run.ts';

/** When the order of `hungUp` was placed. */
export const PLACED_AT = 1_700_000_000_000;

const line = (service: string, msg: string, atMs: number, cause?: string) => ({
  level: 30,
  time: PLACED_AT + atMs,
  service,
  msg,
  ...(cause && { cause }),
});

/** An order whose client hangs up after 3 s, and a payment that is stopped `stoppedMs` later. */
export function hungUp(stoppedMs = 11): OrderRun {
  const run = begun();
  const cause = 'client-disconnected';
  run.end('hung up', PLACED_AT + 3_000);
  run.take(
    'order',
    line('order-service', 'Order canceled: client disconnected', 3_000 + stoppedMs, cause),
  );
  run.take(
    'payment',
    line('payment-service', 'Payment processing canceled for order: 1', 3_000 + stoppedMs, cause),
  );
  run.take(
    'payment',
    line('payment-service', 'Payment voided for order: 1', 3_000 + stoppedMs + 9),
  );
  return run;
}

/** The same order where nobody notices that the client has left. */
export function ranOn(): OrderRun {
  const run = begun();
  run.end('hung up', PLACED_AT + 3_000);
  run.take('payment', line('payment-service', 'Payment processed for order: 1', 5_000));
  run.take('order', line('order-service', 'Order successfully processed', 5_000));
  run.money = 'charged once';
  return run;
}

function begun(): OrderRun {
  const run = new OrderRun(PLACED_AT, Number.POSITIVE_INFINITY);
  run.arrive('order', '/order', PLACED_AT);
  run.take('order', line('order-service', 'Placing order for product: 1234', 1));
  run.arrive('inventory', '/check', PLACED_AT);
  run.take(
    'inventory',
    line('inventory-service', 'Inventory check completed for product: 1234', 2_000),
  );
  run.arrive('payment', '/pay', PLACED_AT + 2_000);
  run.arrive('payment', '/void', PLACED_AT + 3_015);
  return run;
}
