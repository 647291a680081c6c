import { send } from './client.ts';

/**
 * Places one order after the other for as long as `work` takes; resolves with the number of them.
 * Rejects if one does not succeed.
 */
export async function ordersBeside(orderUrl: string, work: () => Promise<unknown>) {
  let working = true;
  let orders = 0;
  const place = async () => {
    while (working) {
      const { status, body } = await send(`${orderUrl}/order?orderID=patient`).answer;
      if (status !== 200) throw new Error(`The patient client got ${status} ${body}`);
      orders += 1;
    }
  };
  const finish = () => {
    working = false;
  };
  await Promise.all([place(), work().finally(finish)]);
  return orders;
}
