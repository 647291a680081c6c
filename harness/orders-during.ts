import { send } from './client.ts';

/**
 * Places one order after the other for as long as `work` takes; resolves with their number.
 * Rejects if one does not succeed.
 */
export async function placeOrdersDuring(orderUrl: string, work: () => Promise<unknown>) {
  let isWorking = true;
  let orders = 0;
  const place = async () => {
    while (isWorking) {
      const { status, body } = await send(`${orderUrl}/order?orderID=beside`).answer;
      if (status !== 200) throw new Error(`an order was answered ${status} ${body}`);
      orders += 1;
    }
  };
  const finish = () => {
    isWorking = false;
  };
  await Promise.all([place(), work().finally(finish)]);
  return orders;
}
