import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { paymentsOf, send } from '../../harness/clients.ts';
import { type System, startSystem } from '../../harness/system.ts';
import { NO_WORK } from '../../services.ts';

const PAYMENT_MS = 30;
const LANES = 8;
const ORDERS_A_LANE = 50;

test('around the commit, an order stays charged exactly if it was reported as processed', async () => {
  await using system = await startSystem({ ...NO_WORK, PAYMENT_DURATION_MS: String(PAYMENT_MS) });
  const outcomes = new Map<string, boolean>();
  await Promise.all(Array.from({ length: LANES }, (_, lane) => race(system, lane, outcomes)));

  const reported = [...outcomes.values()];
  const processed = reported.filter(Boolean).length;
  expect(reported).toHaveLength(LANES * ORDERS_A_LANE);
  expect(processed).toBeGreaterThan(0);
  expect(processed).toBeLessThan(reported.length);

  for (const [orderID, wasProcessed] of outcomes) {
    const expected = wasProcessed ? ['processed'] : ['voided'];
    await expect.poll(() => paymentsOf(orderID, system.payment.url)).toEqual(expected);
  }
});

/** Places orders one by one, and approaches the moment of the commit with each hang-up. */
async function race(system: System, lane: number, outcomes: Map<string, boolean>): Promise<void> {
  let delayMs = PAYMENT_MS;
  for (let count = 0; count < ORDERS_A_LANE; count += 1) {
    const orderID = `race-${lane}-${count}`;
    const { requestId, hangUp } = send(`${system.order.url}/order?orderID=${orderID}`);
    await system.payment.arrival(requestId);
    await sleep(delayMs);
    hangUp();
    const { msg } = await system.order.outcome(requestId);
    const processed = msg === 'Order successfully processed';
    outcomes.set(orderID, processed);
    delayMs = Math.max(0, delayMs + (processed ? -1 : 1) * (count % 3));
  }
}
