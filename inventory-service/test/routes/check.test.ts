import { createServer } from 'node:http';
import { pino } from 'pino';
import request from 'supertest';
import { beforeEach, describe, expect, test } from 'vitest';
import { standStill } from '../../../harness/time.ts';
import { createApp } from '../../src/app.ts';

let lines: Record<string, unknown>[];
const logger = pino({}, { write: (line) => lines.push(JSON.parse(line)) });
const quick = createApp({ config: { checkDurationMs: 5 }, logger });
const endless = createApp({ config: { checkDurationMs: 60_000 }, logger });

beforeEach(() => {
  lines = [];
});

test('answers once the check is complete', async () => {
  await request(quick)
    .get('/check?productID=1234')
    .set('x-request-id', 'check-1')
    .expect(200, 'Product 1234 is available\n')
    .expect('x-operation', 'check 1234');
  expect(lines).toMatchObject([
    {
      level: 30,
      requestId: 'check-1',
      productID: '1234',
      msg: 'Inventory check completed for product: 1234',
    },
  ]);
});

test('does not call a product available if the budget ran out while the process stood still', async () => {
  const [workMs, budgetMs] = [100, 200];
  const server = createServer(createApp({ config: { checkDurationMs: workMs }, logger }));
  server.once('request', () => setImmediate(standStill, budgetMs));
  await request(server)
    .get('/check?productID=1234')
    .set('x-envoy-expected-rq-timeout-ms', String(budgetMs))
    .expect(408, 'Request canceled\n');
  expect(lines).toMatchObject([{ cause: 'deadline-exceeded' }]);
});

test('stops when the budget is spent: 408', async () => {
  await request(endless)
    .get('/check?productID=1234')
    .set('x-envoy-expected-rq-timeout-ms', '20')
    .expect(408, 'Request canceled\n');
  expect(lines).toMatchObject([
    {
      level: 30,
      cause: 'deadline-exceeded',
      elapsedMs: expect.any(Number),
      msg: 'Inventory check canceled for product: 1234',
    },
  ]);
});

describe('refuses', () => {
  test('a missing product', async () => {
    await request(endless).get('/check').expect(400, 'productID is missing\n');
    expect(lines).toEqual([]);
  });

  test('any method but GET', async () => {
    await request(endless).post('/check?productID=1').expect(405).expect('Allow', 'GET');
    await request(endless).head('/check?productID=1').expect(405).expect('Allow', 'GET');
  });
});
