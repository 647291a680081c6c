import type { ServiceProcess } from './service-process.ts';

/** The orders that are charged, as the payment service tells: processed, and not voided since. */
export function chargedOrders(payment: ServiceProcess): Set<unknown> {
  const voided = orderIDs(payment, /^Payment voided/);
  return new Set([...orderIDs(payment, /^Payment processed/)].filter((id) => !voided.has(id)));
}

/** The orders that the order service called processed. */
export function processedOrders(order: ServiceProcess): Set<unknown> {
  return orderIDs(order, /^Order successfully processed$/);
}

function orderIDs(service: ServiceProcess, msg: RegExp): Set<unknown> {
  return new Set(service.lines.filter((line) => msg.test(line.msg)).map(({ orderID }) => orderID));
}
