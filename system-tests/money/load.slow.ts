import { Agent } from 'node:http';
import fc from 'fast-check';
import { expect } from 'vitest';
import { type Pending, send } from '../../harness/clients.ts';
import { startRelay } from '../../harness/network.ts';
import { peakMemoryBytes } from '../../harness/process-table.ts';
import type { ServiceProcess } from '../../harness/service-process.ts';
import { startSystem } from '../../harness/system.ts';
import { expectNothingLeft } from '../support/nothing-left.ts';
import { scene } from '../support/scene.ts';

const ORDERS = 5_000;
const DURATIONS = { CHECK_DURATION_MS: '2000', PAYMENT_DURATION_MS: '3000' };
const PATIENCE = { timeout: 60_000, interval: 100 };
const SEED = 6;
const PROCESSED = '200 Order successfully processed';

interface Order extends Pending {
  orderID: string;
}

scene(
  `${ORDERS} clients order at once, and a third of them hang up at random moments`,
  'the others succeed, those that hung up are not charged, nothing is left',
  async () => {
    await using held = await startHeldSystem(DURATIONS);
    const { system, network } = held;
    const { order, inventory, payment } = system;
    const orders = sendOrders(order.url, ORDERS);
    await expect.poll(() => count(order, /^Placing/), PATIENCE).toBe(ORDERS);
    const inFlight = ORDERS - count(order, /^Order/);
    expect(inFlight).toBe(ORDERS);
    network.heal();

    const leaving = orders.filter((_, index) => index % 3 === 0);
    const staying = orders.filter((_, index) => index % 3 > 0);
    const momentsMs = fc.sample(fc.noBias(fc.nat(5_000)), { numRuns: leaving.length, seed: SEED });
    for (const [index, { hangUp }] of leaving.entries()) setTimeout(hangUp, momentsMs[index]);
    expect(await outcomes(staying)).toEqual({ [PROCESSED]: staying.length });

    const failures = order.lines.filter(({ level }) => level > 30).map(({ msg }) => msg);
    expect([...new Set(failures)]).toEqual([]);
    await expectNothingLeft(system);
    const canceled = () => count(order, /^Order canceled: client disconnected$/);
    const processed = () => processedOrders(order);
    await expect.poll(() => canceled() + processed().size, PATIENCE).toBe(ORDERS);
    const stopped = count(inventory, /canceled/) + count(payment, /canceled/);
    expect(await chargedOrders(payment, orders)).toEqual(processed());
    const megabytes = Math.round((await peakMemoryBytes(order.pid)) / 2 ** 20);
    return `${inFlight} in flight; ${processed().size} processed, ${canceled()} canceled (${stopped} steps stopped, ${count(payment, /^Payment voided/)} payments voided), charged exactly the processed, order-service at most ${megabytes} MB`;
  },
);

scene(
  '300 orders at once where MAX_IN_FLIGHT is 100',
  '100 succeed, the others get 503 before them, and the next one succeeds',
  async () => {
    const limits = { MAX_IN_FLIGHT: '100' };
    await using held = await startHeldSystem({ ...limits, PAYMENT_DURATION_MS: '0' });
    const { system, network } = held;
    const { order } = system;
    const endings: number[] = [];
    const orders = sendOrders(order.url, 300);
    for (const { answer } of orders) answer.then(({ status }) => endings.push(status));
    await expect.poll(() => endings.length, PATIENCE).toBe(200);
    network.heal();
    const seen = await outcomes(orders);
    expect(seen).toEqual({ [PROCESSED]: 100, '503 Too many orders in flight': 200 });
    expect(endings.slice(0, 200)).toEqual(Array(200).fill(503));
    expect(await outcomes(sendOrders(order.url, 1))).toEqual({ [PROCESSED]: 1 });
    await expectNothingLeft(system);
    return JSON.stringify(seen);
  },
);

/** The three services. No check is answered before the network is healed. */
async function startHeldSystem(env: Record<string, string>) {
  const network = await startRelay();
  const system = await startSystem({ ...env, INVENTORY_URL: network.url });
  network.port = system.inventory.port;
  network.holdAnswers();
  const close = async () => {
    for (const end of [system, network]) await end[Symbol.asyncDispose]();
  };
  return { system, network, [Symbol.asyncDispose]: close };
}

function sendOrders(url: string, howMany: number): Order[] {
  return Array.from({ length: howMany }, (_, index) => {
    const orderID = `load-${index}`;
    return { orderID, ...send(`${url}/order?orderID=${orderID}`) };
  });
}

/** Counts the orders by status and body of their answers. */
async function outcomes(orders: Order[]): Promise<Record<string, number>> {
  const times: Record<string, number> = {};
  for (const { status, body } of await Promise.all(orders.map(({ answer }) => answer))) {
    const outcome = `${status} ${body}`;
    times[outcome] = (times[outcome] ?? 0) + 1;
  }
  return times;
}

function count(service: ServiceProcess, msg: RegExp): number {
  return service.lines.filter((line) => msg.test(line.msg)).length;
}

/** Those of `orders` that are charged, as the payment service answers when it is asked. */
async function chargedOrders(
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
function processedOrders(order: ServiceProcess): Set<unknown> {
  const processed = order.find({ msg: 'Order successfully processed' });
  return new Set(processed.map(({ orderID }) => orderID));
}
