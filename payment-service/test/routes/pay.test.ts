import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import { pino } from 'pino';
import request from 'supertest';
import { beforeEach, describe, expect, test } from 'vitest';
import { portOf } from '../../../harness/port-of.ts';
import { standStill } from '../../../harness/stand-still.ts';
import { createApp } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';

let lines: Record<string, unknown>[];
const logger = pino({}, { write: (line) => lines.push(JSON.parse(line)) });
const quick = createApp({ paymentDurationMs: 5, retentionMs: 60_000 }, logger);
const endless = createApp({ paymentDurationMs: 60_000, retentionMs: 60_000 }, logger);

beforeEach(() => {
  lines = [];
});

test('answers once the payment is processed', async () => {
  await request(quick)
    .post('/pay?orderID=1234')
    .set('x-request-id', 'pay-1')
    .expect(200, 'Payment for order 1234 completed\n');
  expect(lines).toMatchObject([
    {
      level: 30,
      requestId: 'pay-1',
      orderID: '1234',
      msg: 'Payment processed for order: 1234',
    },
  ]);
});

test('stops when the budget is spent: 408', async () => {
  await request(endless)
    .post('/pay?orderID=1234')
    .set('x-envoy-expected-rq-timeout-ms', '20')
    .expect(408, 'Payment canceled\n');
  expect(lines).toMatchObject([
    {
      level: 30,
      cause: 'deadline-exceeded',
      elapsedMs: expect.any(Number),
      msg: 'Payment processing canceled for order: 1234',
    },
  ]);
});

test('does not charge if its budget was spent while the process stood, whichever timer is first', async () => {
  const [workMs, budgetMs] = [100, 200];
  const app = createApp({ paymentDurationMs: workMs, retentionMs: 60_000 }, logger);
  const server = createServer(app);
  server.once('request', () => setImmediate(standStill, budgetMs));
  await request(server)
    .post('/pay?orderID=1234')
    .set('x-envoy-expected-rq-timeout-ms', String(budgetMs))
    .expect(408, 'Payment canceled\n');
  expect(lines).toMatchObject([{ cause: 'deadline-exceeded' }]);
  const { body } = await request(app).get('/payments?orderID=1234');
  expect(body).toMatchObject([{ status: 'canceled' }]);
});

test('a list of payments for whose caller it is too late: 408', async () => {
  await request(quick)
    .get('/payments?orderID=1234')
    .set('x-envoy-expected-rq-timeout-ms', '0')
    .expect(408, 'Request canceled\n');
});

test('stops when the client hangs up behind a body of 2 MB', async () => {
  const server = createServer(endless);
  await once(server.listen(0), 'listening');
  const port = portOf(server);
  const pay = httpRequest({ port, method: 'POST', path: '/pay?orderID=1234' });
  pay.on('error', () => {}).end(Buffer.alloc(2_000_000));
  const [req] = await once(server, 'request');
  await once(req, 'end');
  pay.destroy();
  await new Promise((resolve) => req.socket.once('close', resolve));
  await new Promise((resolve) => server.close(resolve));
  expect(lines).toMatchObject([
    { cause: 'client-disconnected', msg: 'Payment processing canceled for order: 1234' },
  ]);
});

describe('refuses', () => {
  test('a missing order', async () => {
    await request(endless).post('/pay').expect(400, 'orderID is missing\n');
    expect(lines).toEqual([]);
  });

  test('any method but POST', async () => {
    await request(endless).get('/pay?orderID=1').expect(405).expect('Allow', 'POST');
    await request(endless).head('/pay?orderID=1').expect(405).expect('Allow', 'POST');
  });
});

test('the configuration has the documented defaults', () => {
  expect(readConfig({})).toMatchObject({ port: 8082, paymentDurationMs: 3_000 });
});
