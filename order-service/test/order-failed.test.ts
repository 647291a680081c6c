import type { RequestListener } from 'node:http';
import request from 'supertest';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startRefusing } from '../../harness/faulty-server.ts';
import { answers, available, paid, silent } from './canned-answers.ts';
import { closed } from './downstream/raw-server.ts';
import { OrderServiceUnderTest } from './order-service-under-test.ts';

let service: OrderServiceUnderTest;
const paths = () => service.calls.map(({ method, url }) => `${method} ${url}`);

beforeEach(() => {
  service = new OrderServiceUnderTest();
});
afterEach(() => service.close());

describe('a step that fails', () => {
  test.each([
    [404, 'inventory-service answered 404'],
    [500, 'inventory-service answered 500'],
    [204, 'inventory-service answered 204'],
    [302, 'inventory-service answered 302'],
    [408, 'inventory-service answered 408'],
  ])('inventory answers %i: 500, one warn line, no payment', async (status, cause) => {
    const app = await service.appBetween(answers(status), paid);
    const message = `Inventory check failed: ${cause}`;
    const { headers } = await request(app).get('/order').expect(500, `${message}\n`);
    expect(headers['cache-control']).toBe('no-store');
    expect(service.lines.slice(1)).toMatchObject([{ level: 40, msg: message }]);
    expect(JSON.stringify(service.lines)).not.toContain('stack');
    expect(paths()).toEqual(['GET /check?productID=1234']);
  });

  test('payment answers 503: 500, and the payment is not tried again', async () => {
    const app = await service.appBetween(available, answers(503));
    const message = 'Payment processing failed: payment-service answered 503';
    await request(app).get('/order').expect(500, `${message}\n`);
    expect(paths()).toEqual(['GET /check?productID=1234', 'POST /pay?orderID=orderID-5678']);
  });

  test("inventory answers another's request: no payment", async () => {
    const another: RequestListener = (_req, res) =>
      res.setHeader('x-request-id', 'another').end('Product 1234 is available');
    const app = await service.appBetween(another, paid);
    const message = 'Inventory check failed: inventory-service sent a broken answer';
    await request(app).get('/order').expect(500, `${message}\n`);
    expect(paths()).toHaveLength(1);
  });

  test('inventory answers for another product under the same request id: no payment', async () => {
    const another: RequestListener = (_req, res) =>
      res.setHeader('x-operation', 'check another').end('Product another is available');
    const app = await service.appBetween(another, paid);
    const message = 'Inventory check failed: inventory-service sent a broken answer';
    await request(app).get('/order').expect(500, `${message}\n`);
    expect(paths()).toHaveLength(1);
  });

  test('inventory refuses connections', async () => {
    await using refusing = await startRefusing();
    const app = await service.appBetween(available, paid, { INVENTORY_URL: refusing.url });
    const message = 'Inventory check failed: inventory-service is unreachable (ECONNREFUSED)';
    await request(app).get('/order').expect(500, `${message}\n`);
  });

  test('the call timeout passes: the connection to the silent service is closed', async () => {
    const app = await service.appBetween(silent, paid, { CALL_TIMEOUT_MS: '30' });
    await request(app).get('/order').expect(500, 'Inventory check failed: deadline exceeded\n');
    expect(service.lines.slice(1)).toMatchObject([{ level: 40, cause: 'deadline-exceeded' }]);
    await closed(service.calls.map(({ socket }) => socket));
  });

  test('408 by the budget that we sent reads like our own timer', async () => {
    const app = await service.appBetween(
      (req, res) => {
        const budgetMs = Number(req.headers['x-envoy-expected-rq-timeout-ms']);
        setTimeout(() => res.writeHead(408).end('Request canceled'), budgetMs - 10);
      },
      paid,
      { CALL_TIMEOUT_MS: '60' },
    );
    await request(app).get('/order').expect(500, 'Inventory check failed: deadline exceeded\n');
  });
});
