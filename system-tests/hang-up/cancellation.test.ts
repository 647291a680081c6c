import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Pending, send } from '../../harness/clients.ts';
import { ServiceProcess } from '../../harness/service-process.ts';

const budget = (milliseconds: number) => ({
  headers: { 'x-envoy-expected-rq-timeout-ms': String(milliseconds) },
});
const NEVER_MS = '60000';

/** Its checks never end. */
let busyInventory: ServiceProcess;
/** Its checks take no time. */
let quickInventory: ServiceProcess;
/** Its payments never end. */
let payment: ServiceProcess;

beforeAll(async () => {
  [busyInventory, quickInventory, payment] = await Promise.all([
    ServiceProcess.start('inventory-service', { CHECK_DURATION_MS: NEVER_MS }),
    ServiceProcess.start('inventory-service', { CHECK_DURATION_MS: '0' }),
    ServiceProcess.start('payment-service', { PAYMENT_DURATION_MS: NEVER_MS }),
  ]);
});
afterAll(async () => {
  for (const service of [busyInventory, quickInventory, payment]) {
    await service[Symbol.asyncDispose]();
  }
});

let order: ServiceProcess;
const startOrder = (inventoryUrl: () => string, CALL_TIMEOUT_MS = NEVER_MS) => {
  beforeAll(async () => {
    const urls = { INVENTORY_URL: inventoryUrl(), PAYMENT_URL: payment.url };
    order = await ServiceProcess.start('order-service', { ...urls, CALL_TIMEOUT_MS });
  });
  afterAll(() => order[Symbol.asyncDispose]());
};

describe('during the inventory check', () => {
  startOrder(() => busyInventory.url);

  test('a hang-up stops it, and no payment begins', async () => {
    const { requestId, hangUp } = send(`${order.url}/order`);
    await busyInventory.arrival(requestId);
    hangUp();
    const canceled = { requestId, level: 30, cause: 'client-disconnected' };
    await busyInventory.waitFor({ ...canceled, msg: 'Inventory check canceled for product: 1234' });
    await order.waitFor({ ...canceled, msg: 'Order canceled: client disconnected' });
    expect(payment.find({ requestId })).toEqual([]);
  });
});

describe('when time runs out during the inventory check', () => {
  startOrder(() => busyInventory.url, '200');

  test('the call timeout stops it', async () => {
    const { requestId, answer } = await arriving(busyInventory, () => send(`${order.url}/order`));
    expect(await answer).toMatchObject({
      status: 500,
      body: 'Inventory check failed: deadline exceeded',
    });
    await busyInventory.waitFor({ requestId, msg: 'Inventory check canceled for product: 1234' });
  });

  test("the caller's budget stops it", async () => {
    const place = (attempt: number) => send(`${order.url}/order`, budget(attempt * 100));
    const { requestId, answer } = await arriving(busyInventory, place);
    expect(await answer).toMatchObject({
      status: 500,
      body: 'Inventory check failed: deadline exceeded',
    });
    await busyInventory.waitFor({ requestId, msg: 'Inventory check canceled for product: 1234' });
  });

  test('an exhausted budget starts nothing', async () => {
    const { requestId, answer } = send(`${order.url}/order`, budget(0));
    expect((await answer).body).toBe('Inventory check failed: deadline exceeded');
    expect(busyInventory.find({ requestId })).toEqual([]);
  });

  test('a service stops at its budget even if its caller stays', async () => {
    const { requestId, answer } = send(`${busyInventory.url}/check?productID=7`, budget(30));
    expect(await answer).toMatchObject({ status: 408, body: 'Request canceled' });
    const line = await busyInventory.waitFor({ requestId, cause: 'deadline-exceeded' });
    expect(line).toMatchObject({ level: 30, productID: '7' });
    expect(line.elapsedMs).toBeGreaterThanOrEqual(29);
  });
});

describe('during the payment', () => {
  startOrder(() => quickInventory.url);

  test('a hang-up stops it', async () => {
    const { requestId, hangUp } = send(`${order.url}/order`);
    await payment.arrival(requestId);
    hangUp();
    const msg = 'Payment processing canceled for order: orderID-5678';
    const { cause } = await payment.waitFor({ requestId, msg });
    expect(['client-disconnected', 'voided']).toContain(cause); // The void may arrive before the hang-up.
    await order.waitFor({ requestId, msg: 'Order canceled: client disconnected' });
  });
});

describe('when time runs out during the payment', () => {
  startOrder(() => quickInventory.url, '200');

  test('the call timeout stops it', async () => {
    const place = () => send(`${order.url}/order?orderID=slow`);
    const { requestId, answer } = await arriving(payment, place);
    expect(await answer).toMatchObject({
      status: 500,
      body: 'Payment processing failed: deadline exceeded',
    });
    await payment.waitFor({ requestId, msg: 'Payment processing canceled for order: slow' });
  });
});

/** Sends requests until one reaches `service` before its deadline. */
async function arriving(
  service: ServiceProcess,
  place: (attempt: number) => Pending,
): Promise<Pending> {
  for (let attempt = 1; ; attempt += 1) {
    const pending = place(attempt);
    const arrived = service.arrival(pending.requestId).then(() => true);
    if (await Promise.race([arrived, pending.answer.then(() => false)])) return pending;
  }
}
