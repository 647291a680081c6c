import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect } from 'vitest';
import { curl } from '../../harness/clients.ts';
import { ComposeStack } from '../../harness/compose-stack.ts';
import type { LogLine } from '../../harness/service-process.ts';
import { scene } from '../support/scene.ts';

const stack = new ComposeStack();
beforeAll(() => stack.up());
afterAll(() => stack.down());

/** Presses Ctrl+C `delayMs` after the order began. Resolves with the id in its log lines. */
async function interruptAfter(delayMs: number): Promise<string> {
  const requestId = `interrupted-after-${delayMs}`;
  const order = curl('--header', `x-request-id: ${requestId}`, 'localhost:8080/order');
  await stack.waitForLine('order-service', 'Placing order', requestId);
  await sleep(delayMs);
  order.interrupt();
  expect(await order.ended).toEqual({ body: '', code: null, signal: 'SIGINT' });
  return requestId;
}

const hungUp = '"cause":"client-disconnected"';

scene('Ctrl+C at 1 s', 'order and check canceled, no payment', async () => {
  const id = await interruptAfter(1_000);
  const order = await stack.waitForLine('order-service', 'Order canceled: client', id, hungUp);
  const check = await stack.waitForLine(
    'inventory-service',
    'Inventory check canceled',
    id,
    hungUp,
  );
  expect(await stack.lines('payment-service', id)).toEqual([]);
  return `order ${after(order)}, check ${after(check)}`;
});

scene('Ctrl+C at 3 s', 'order and payment canceled', async () => {
  const id = await interruptAfter(3_000);
  const order = await stack.waitForLine('order-service', 'Order canceled: client', id, hungUp);
  const payment = await stack.waitForLine(
    'payment-service',
    'Payment processing canceled',
    id,
    hungUp,
  );
  expect(await stack.lines('inventory-service', 'check completed', id)).toHaveLength(1);
  return `order ${after(order)}, payment ${after(payment)}`;
});

/** The time of the line, and the age of its work. */
function after(line: string): string {
  const { time, elapsedMs }: LogLine = JSON.parse(line);
  return `at ${new Date(time).toISOString().slice(11, 23)} (after ${elapsedMs} ms)`;
}
