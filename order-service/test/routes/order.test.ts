import request from 'supertest';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { available, held, paid, silent } from '../canned-answers.ts';
import { OrderServiceUnderTest } from '../order-service-under-test.ts';

let service: OrderServiceUnderTest;
const paths = () => service.calls.map(({ method, url }) => `${method} ${url}`);

beforeEach(() => {
  service = new OrderServiceUnderTest();
});
afterEach(() => service.close());

describe('an order', () => {
  test('is checked, then paid for, then answered', async () => {
    const app = await service.appBetween(available, paid);
    const { headers } = await request(app)
      .get('/order')
      .expect(200, 'Order successfully processed\n');
    expect(headers['cache-control']).toBe('no-store');
    expect(paths()).toEqual(['GET /check?productID=1234', 'POST /pay?orderID=orderID-5678']);
    const requestId = headers['x-request-id'];
    const fields = { level: 30, requestId, productID: '1234', orderID: 'orderID-5678' };
    expect(service.lines).toMatchObject([
      { ...fields, msg: 'Placing order for product: 1234' },
      { ...fields, msg: 'Order successfully processed' },
    ]);
  });

  test('takes its product and its id from the query, with any characters', async () => {
    const id = "a&b=c/d?e#f%g +\u{1f4e6}'";
    const app = await service.appBetween(
      (_req, res) => res.end(`Product ${id} is available`),
      (_req, res) => res.end(`Payment for order ${id} completed`),
    );
    await request(app).get('/order').query({ productID: id, orderID: id }).expect(200);
    const received = service.calls.map(({ url }) => [
      ...new URL(url ?? '', 'http://x').searchParams.values(),
    ]);
    expect(received).toEqual([[id], [id]]);
  });

  test('sends its request id and what is left of its time with both calls', async () => {
    const app = await service.appBetween(available, paid);
    await request(app).get('/order').set('x-request-id', 'order-1').expect(200);
    for (const { headers } of service.calls) {
      expect(headers['x-request-id']).toBe('order-1');
      expect(Number(headers['x-envoy-expected-rq-timeout-ms'])).toBeGreaterThan(0);
      expect(Number(headers['x-envoy-expected-rq-timeout-ms'])).toBeLessThanOrEqual(60_000);
    }
  });

  test("sends its caller's budget if that is the smaller one", async () => {
    const app = await service.appBetween(available, paid);
    await request(app).get('/order').set('x-envoy-expected-rq-timeout-ms', '30000').expect(200);
    for (const { headers } of service.calls) {
      expect(Number(headers['x-envoy-expected-rq-timeout-ms'])).toBeLessThanOrEqual(30_000);
    }
  });
});

describe('a client that hangs up', () => {
  test.each([
    ['inventory', silent, paid, 1],
    ['payment', available, silent, 2],
  ] as const)('closes the call to %s', async (_step, inventory, payment, calledServices) => {
    const app = await service.appBetween(inventory, payment);
    const order = request(app).get('/order');
    order.end(() => {});
    while (service.calls.length < calledServices)
      await new Promise((resolve) => setImmediate(resolve));
    order.abort();
    await new Promise((resolve) => service.calls.at(-1)?.socket.once('close', resolve));
    while (service.lines.length < 2) await new Promise((resolve) => setImmediate(resolve));
    expect(service.lines.slice(1)).toMatchObject([
      { level: 30, cause: 'client-disconnected', msg: 'Order canceled: client disconnected' },
    ]);
  });
});

test('a shutdown that has timed out answers 503, to be retried', async () => {
  const app = await service.appBetween(silent, paid);
  await service.shutdown.drain(0);
  const { headers } = await request(app)
    .get('/order')
    .expect(503, 'Order canceled: service shutting down\n');
  expect(headers['retry-after']).toBe('1');
  expect(service.lines).toMatchObject([{ level: 30, cause: 'shutting-down' }]);
  expect(service.calls).toEqual([]);
});

test('an order beyond MAX_IN_FLIGHT is refused at once, and the next is not', async () => {
  const inventory = held(available);
  const app = await service.appBetween(inventory.listener, paid, { MAX_IN_FLIGHT: '1' });
  const first = request(app).get('/order').then();
  while (paths().length < 1) await new Promise((resolve) => setImmediate(resolve));
  const { headers } = await request(app).get('/order').expect(503, 'Too many orders in flight\n');
  expect(headers).toMatchObject({ 'retry-after': '1', 'cache-control': 'no-store' });
  inventory.release();
  expect((await first).status).toBe(200);
  await request(app).get('/order').expect(200);
  expect(service.reached('/check')).toHaveLength(2);
});

test('refusals happen before anything is called', async () => {
  const app = await service.appBetween(available, paid);
  await request(app).get('/order?orderID=').expect(400, 'orderID is empty\n');
  await request(app)
    .head('/order')
    .expect(405)
    .expect('Allow', 'GET')
    .expect('Cache-Control', 'no-store');
  expect(service.calls).toEqual([]);
  expect(service.lines).toEqual([]);
});

test('the configuration has the documented defaults', () => {
  expect(readConfig({})).toMatchObject({
    port: 8080,
    inventoryUrl: 'http://localhost:8081',
    paymentUrl: 'http://localhost:8082',
    callTimeoutMs: 5_000,
    maxInFlight: 8_000,
  });
});
