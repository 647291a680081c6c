import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { pino } from 'pino';
import request from 'supertest';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createApp } from '../src/app.ts';

let lines: Record<string, unknown>[];
let server: Server;
const logger = pino({}, { write: (line) => lines.push(JSON.parse(line)) });

/** A payment service of its own for each test, with a ledger of its own. */
async function start(paymentDurationMs: number): Promise<void> {
  server = createServer(createApp({ paymentDurationMs, retentionMs: 60_000 }, logger));
  await once(server.listen(0), 'listening');
}
const pay = (key: string, orderID = 'X') =>
  request(server).post(`/pay?orderID=${orderID}`).set('Idempotency-Key', key);
const revoke = (key: string, orderID = 'X') =>
  request(server).post(`/void?orderID=${orderID}`).set('Idempotency-Key', key);
const payments = async (orderID = 'X') =>
  (await request(server).get(`/payments?orderID=${orderID}`)).body;
const messages = () => lines.map(({ msg }) => msg);

beforeEach(() => {
  lines = [];
});
afterEach(() => new Promise((resolve) => server.close(resolve)));

test('a 408 that a client repeats by itself charges once', async () => {
  await start(1);
  await pay('key').set('x-envoy-expected-rq-timeout-ms', '0').expect(408);
  await pay('key').expect(200);
  await pay('key').expect(200);
  expect(messages().filter((msg) => String(msg).startsWith('Payment processed'))).toHaveLength(1);
});

describe('with the same key', () => {
  test('a processed payment is answered again at once, and charged once', async () => {
    await start(1);
    await pay('key').expect(200, 'Payment for order X completed\n');
    await pay('key').expect(200, 'Payment for order X completed\n');
    expect(messages()).toEqual(['Payment processed for order: X']);
    expect(await payments()).toMatchObject([{ idempotencyKey: 'key', status: 'processed' }]);
  });

  test('a payment in flight is a conflict', async () => {
    await start(60_000);
    const canceled = pay('key')
      .expect(408, 'Payment canceled\n')
      .then(() => {});
    await expect.poll(() => payments()).toMatchObject([{ status: 'pending' }]);
    await pay('key').expect(409, 'Payment for order X is in flight\n');
    await revoke('key').expect(200);
    await canceled;
  });

  test('another order is refused', async () => {
    await start(1);
    await pay('key', 'X').expect(200);
    await pay('key', 'Y').expect(422, 'Idempotency-Key was used for another order\n');
    await revoke('key', 'Y').expect(422, 'Idempotency-Key was used for another order\n');
    expect(await payments('Y')).toEqual([]);
  });

  test('a canceled payment may be tried again', async () => {
    await start(30);
    await pay('key').set('x-envoy-expected-rq-timeout-ms', '0').expect(408);
    expect(await payments()).toMatchObject([{ status: 'canceled' }]);
    await pay('key').expect(200);
    expect(await payments()).toMatchObject([{ status: 'processed' }]);
  });
});

test('without a key each call is a payment of its own', async () => {
  await start(1);
  await request(server).post('/pay?orderID=X').expect(200);
  await request(server).post('/pay?orderID=X').expect(200);
  expect(await payments()).toMatchObject([{ status: 'processed' }, { status: 'processed' }]);
});

describe('a void', () => {
  test('takes a processed payment back, once and for all', async () => {
    await start(1);
    await pay('key').expect(200);
    await revoke('key').set('x-request-id', 'void-1').expect(200, 'Payment for order X voided\n');
    await revoke('key').expect(200, 'Payment for order X voided\n');
    await pay('key').expect(409, 'Payment for order X was voided\n');
    expect(lines.slice(1)).toMatchObject([
      { level: 30, requestId: 'void-1', idempotencyKey: 'key', msg: 'Payment voided for order: X' },
    ]);
    expect(await payments()).toMatchObject([{ idempotencyKey: 'key', status: 'voided' }]);
  });

  test('stops a payment in flight: 408', async () => {
    await start(60_000);
    const inFlight = pay('key')
      .expect(408, 'Payment canceled\n')
      .then(() => {});
    await expect.poll(() => payments()).toMatchObject([{ status: 'pending' }]);
    await revoke('key').expect(200);
    await inFlight;
    expect(lines).toMatchObject([
      { msg: 'Payment voided for order: X' },
      { level: 30, cause: 'voided', msg: 'Payment processing canceled for order: X' },
    ]);
    expect(await payments()).toMatchObject([{ status: 'voided' }]);
  });

  test('that comes first keeps the payment from ever happening', async () => {
    await start(1);
    await revoke('key').expect(200, 'Payment for order X voided\n');
    await pay('key').expect(409, 'Payment for order X was voided\n');
    expect(messages()).toEqual(['Payment voided for order: X']);
  });

  test('needs a key, and POST', async () => {
    await start(1);
    await request(server).post('/void?orderID=X').expect(400, 'Idempotency-Key is missing\n');
    await request(server).get('/void?orderID=X').expect(405).expect('Allow', 'POST');
    await revoke('key', '').expect(400, 'orderID is empty\n');
  });
});

describe('the key', () => {
  test.each([
    ['k', 'k'],
    ['"a-structured-string"', 'a-structured-string'],
    ['"a\\"b\\\\c"', 'a"b\\c'],
    ['"\\"quoted\\""', '"quoted"'],
    ['!~', '!~'],
    ['x'.repeat(128), 'x'.repeat(128)],
    [`"${'x'.repeat(128)}"`, 'x'.repeat(128)],
  ])('%s is taken, and echoed so that it reads the same', async (sent, key) => {
    await start(1);
    const { headers } = await pay(sent).expect(200);
    expect(await payments()).toMatchObject([{ idempotencyKey: key }]);
    await pay(String(headers['idempotency-key'])).expect(200);
    expect(await payments()).toHaveLength(1);
  });

  test('bare and quoted is the same', async () => {
    await start(1);
    await pay('"abc"').expect(200);
    await pay('abc').expect(200);
    expect(messages()).toEqual(['Payment processed for order: X']);
  });

  test.each(['', 'a b', 'x'.repeat(129), 'caf\u00e9', '""', '"', '"a', '"a"b"', '"a\\b"', '"a b"'])(
    '%j is refused',
    async (key) => {
      await start(1);
      const { text } = await pay(key).expect(400);
      expect(text).toMatch(/^Idempotency-Key must be 1 to 128 visible ASCII characters, .*\n$/);
      expect(await payments()).toEqual([]);
    },
  );

  test('is on every answer that it was sent for', async () => {
    await start(1);
    for (const call of [pay('key'), pay('key'), revoke('key'), pay('key')]) {
      expect((await call).headers['idempotency-key']).toBe('key');
    }
  });
});

test('the payments of an order that has none', async () => {
  await start(1);
  await request(server).get('/payments?orderID=X').expect(200, []).expect('Content-Type', /json/);
  await request(server).get('/payments').expect(400, 'orderID is missing\n');
  await request(server).post('/payments?orderID=X').expect(405).expect('Allow', 'GET');
});
