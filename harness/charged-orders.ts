import { Agent } from 'node:http';
import { send } from './client.ts';
import type { ServiceProcess } from './service-process.ts';

/** Those of `orders` that are charged, as the payment service answers when it is asked. */
export async function chargedOrders(
  payment: ServiceProcess,
  orders: readonly { orderID: string }[],
): Promise<Set<unknown>> {
  const agent = new Agent({ keepAlive: true, maxSockets: 20 });
  const isCharged = async ({ orderID }: { orderID: string }) => {
    const url = `${payment.url}/payments?orderID=${orderID}`;
    const payments: { status: string }[] = JSON.parse((await send(url, { agent }).answer).body);
    return payments.some(({ status }) => status === 'processed');
  };
  const charged = await Promise.all(orders.map(isCharged));
  agent.destroy();
  return new Set(orders.filter((_, index) => charged[index]).map(({ orderID }) => orderID));
}

/** The orders that the order service called processed. */
export function processedOrders(order: ServiceProcess): Set<unknown> {
  const processed = order.find({ msg: 'Order successfully processed' });
  return new Set(processed.map(({ orderID }) => orderID));
}
