import type { RequestListener } from 'node:http';
import request from 'supertest';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { answers, available, paid, Stage, silent } from './order-service-under-test.ts';
import { closed } from './raw-server.ts';

let stage: Stage;
const orderService: Stage['orderService'] = (...cast) => stage.orderService(...cast);
const paths = () => stage.calls.map(({ method, url }) => `${method} ${url}`);

beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.close());

describe('a step that fails', () => {
  test.each([
    [404, 'inventory-service answered 404'],
    [500, 'inventory-service answered 500'],
    [204, 'inventory-service answered 204'],
    [302, 'inventory-service answered 302'],
    [408, 'inventory-service answered 408'],
  ])('inventory answers %i: 500, one warn line, no payment', async (status, cause) => {
    const app = await orderService(answers(status), paid);
    const message = `Inventory check failed: ${cause}`;
    const { headers } = await request(app).get('/order').expect(500, `${message}\n`);
    expect(headers['cache-control']).toBe('no-store');
    expect(stage.lines.slice(1)).toMatchObject([{ level: 40, msg: message }]);
    expect(JSON.stringify(stage.lines)).not.toContain('stack');
    expect(paths()).toEqual(['GET /check?productID=1234']);
  });

  test('payment answers 503: 500, and the payment is not tried again', async () => {
    const app = await orderService(available, answers(503));
    const message = 'Payment processing failed: payment-service answered 503';
    await request(app).get('/order').expect(500, `${message}\n`);
    expect(paths()).toEqual(['GET /check?productID=1234', 'POST /pay?orderID=orderID-5678']);
  });

  test("inventory answers another's request: no payment", async () => {
    const another: RequestListener = (_req, res) =>
      res.setHeader('x-request-id', 'another').end('Product 1234 is available');
    const app = await orderService(another, paid);
    const message = 'Inventory check failed: inventory-service sent a broken answer';
    await request(app).get('/order').expect(500, `${message}\n`);
    expect(paths()).toHaveLength(1);
  });

  test('nobody listens', async () => {
    const app = await orderService(available, paid, { INVENTORY_URL: 'http://127.0.0.1:1' });
    const message = 'Inventory check failed: inventory-service is unreachable (ECONNREFUSED)';
    await request(app).get('/order').expect(500, `${message}\n`);
  });

  test('the call timeout passes: the connection to the silent service is closed', async () => {
    const app = await orderService(silent, paid, { CALL_TIMEOUT_MS: '30' });
    await request(app).get('/order').expect(500, 'Inventory check failed: deadline exceeded\n');
    expect(stage.lines.slice(1)).toMatchObject([{ level: 40, cause: 'deadline-exceeded' }]);
    await closed(stage.calls.map(({ socket }) => socket));
  });

  test('408 by the budget that we sent reads like our own timer', async () => {
    const app = await orderService(
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
