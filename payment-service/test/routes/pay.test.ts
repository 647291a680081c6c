import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import request from 'supertest';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { portOf } from '../../../harness/network.ts';
import { standStill } from '../../../harness/time.ts';
import { PaymentServiceUnderTest } from '../payment-service-under-test.ts';

const BUDGET = 'x-envoy-expected-rq-timeout-ms';

let service: PaymentServiceUnderTest;
beforeEach(() => {
  service = new PaymentServiceUnderTest();
});
afterEach(() => service.close());

test('answers once the payment is processed', async () => {
  await service.start(5);
  await request(service.server)
    .post('/pay?orderID=1234')
    .set('x-request-id', 'pay-1')
    .expect(200, 'Payment for order 1234 completed\n');
  expect(service.lines).toMatchObject([
    {
      level: 30,
      requestId: 'pay-1',
      orderID: '1234',
      msg: 'Payment processed for order: 1234',
    },
  ]);
});

describe('is canceled', () => {
  test('when the budget is spent: 408', async () => {
    await service.start(60_000);
    await request(service.server)
      .post('/pay?orderID=1234')
      .set(BUDGET, '20')
      .expect(408, 'Payment canceled\n');
    expect(service.lines).toMatchObject([
      {
        level: 30,
        cause: 'deadline-exceeded',
        elapsedMs: expect.any(Number),
        msg: 'Payment processing canceled for order: 1234',
      },
    ]);
  });

  test('when the budget ran out while the process stood still, whichever timer fires first', async () => {
    const [workMs, budgetMs] = [100, 200];
    await service.start(workMs);
    service.server.once('request', () => setImmediate(standStill, budgetMs));
    await request(service.server)
      .post('/pay?orderID=1234')
      .set(BUDGET, String(budgetMs))
      .expect(408, 'Payment canceled\n');
    expect(service.lines).toMatchObject([{ cause: 'deadline-exceeded' }]);
    expect(await service.payments('1234')).toMatchObject([{ status: 'canceled' }]);
  });

  test('when the client hangs up behind a body of 2 MB', async () => {
    await service.start(60_000);
    const port = portOf(service.server);
    const pay = httpRequest({ port, method: 'POST', path: '/pay?orderID=1234' });
    pay.on('error', () => {}).end(Buffer.alloc(2_000_000));
    const [req] = await once(service.server, 'request');
    await once(req, 'end');
    pay.destroy();
    await new Promise((resolve) => req.socket.once('close', resolve));
    await expect
      .poll(() => service.lines)
      .toMatchObject([
        { cause: 'client-disconnected', msg: 'Payment processing canceled for order: 1234' },
      ]);
  });
});

describe('refuses', () => {
  test('a missing order', async () => {
    await service.start(60_000);
    await request(service.server).post('/pay').expect(400, 'orderID is missing\n');
    expect(service.lines).toEqual([]);
  });

  test('any method but POST', async () => {
    await service.start(60_000);
    const { server } = service;
    await request(server).get('/pay?orderID=1').expect(405).expect('Allow', 'POST');
    await request(server).head('/pay?orderID=1').expect(405).expect('Allow', 'POST');
  });
});

describe('an idempotency key', () => {
  test.each([
    ['k', 'k'],
    ['"a-structured-string"', 'a-structured-string'],
    ['"a\\"b\\\\c"', 'a"b\\c'],
    ['"\\"quoted\\""', '"quoted"'],
    ['!~', '!~'],
    ['x'.repeat(128), 'x'.repeat(128)],
    [`"${'x'.repeat(128)}"`, 'x'.repeat(128)],
  ])('%s is accepted, and echoed so that it reads the same', async (sent, key) => {
    await service.start(1);
    const { headers } = await service.pay(sent).expect(200);
    expect(await service.payments()).toMatchObject([{ paymentKey: key }]);
    await service.pay(String(headers['idempotency-key'])).expect(200);
    expect(await service.payments()).toHaveLength(1);
  });

  test('is the same bare and quoted', async () => {
    await service.start(1);
    await service.pay('"abc"').expect(200);
    await service.pay('abc').expect(200);
    expect(service.messages()).toEqual(['Payment processed for order: X']);
  });

  test.each(['', 'a b', 'x'.repeat(129), 'caf\u00e9', '""', '"', '"a', '"a"b"', '"a\\b"', '"a b"'])(
    '%j is refused',
    async (key) => {
      await service.start(1);
      const { text } = await service.pay(key).expect(400);
      expect(text).toMatch(/^Idempotency-Key must be 1 to 128 visible ASCII characters, .*\n$/);
      expect(await service.payments()).toEqual([]);
    },
  );

  test('is on every answer to a request that had one', async () => {
    await service.start(1);
    for (const call of [
      service.pay('key'),
      service.pay('key'),
      service.void('key'),
      service.pay('key'),
    ]) {
      expect((await call).headers['idempotency-key']).toBe('key');
    }
  });

  test('stays free if the budget was spent before the payment began', async () => {
    await service.start(1);
    await service.pay('key').set(BUDGET, '0').expect(408);
    expect(await service.payments()).toEqual([]);
    await service.pay('key').expect(200);
    await service.pay('key').expect(200);
    expect(
      service.messages().filter((msg) => String(msg).startsWith('Payment processed')),
    ).toHaveLength(1);
  });
});

test('without a key each request is a new payment', async () => {
  await service.start(1);
  await request(service.server).post('/pay?orderID=X').expect(200);
  await request(service.server).post('/pay?orderID=X').expect(200);
  expect(await service.payments()).toMatchObject([
    { status: 'processed' },
    { status: 'processed' },
  ]);
});

describe('with the same key', () => {
  test('a processed payment is answered again at once, and charged once', async () => {
    await service.start(1);
    await service.pay('key').expect(200, 'Payment for order X completed\n');
    await service.pay('key').expect(200, 'Payment for order X completed\n');
    expect(service.messages()).toEqual(['Payment processed for order: X']);
    expect(await service.payments()).toMatchObject([{ paymentKey: 'key', status: 'processed' }]);
  });

  test('a payment in flight is a conflict', async () => {
    await service.start(60_000);
    const canceled = service
      .pay('key')
      .expect(408, 'Payment canceled\n')
      .then(() => {});
    await expect.poll(() => service.payments()).toMatchObject([{ status: 'pending' }]);
    await service.pay('key').expect(409, 'Payment for order X is in flight\n');
    await service.void('key').expect(200);
    await canceled;
  });

  test('another order is refused', async () => {
    await service.start(1);
    await service.pay('key', 'X').expect(200);
    await service.pay('key', 'Y').expect(422, 'Idempotency-Key was used for another order\n');
    await service.void('key', 'Y').expect(422, 'Idempotency-Key was used for another order\n');
    expect(await service.payments('Y')).toEqual([]);
  });

  test('a canceled payment may be tried again', async () => {
    await service.start(200);
    await service.pay('key').set(BUDGET, '100').expect(408);
    expect(await service.payments()).toMatchObject([{ status: 'canceled' }]);
    await service.pay('key').expect(200);
    expect(await service.payments()).toMatchObject([{ status: 'processed' }]);
  });
});

test('an invalid caller key is refused, and nothing is remembered', async () => {
  await service.start(1);
  for (const call of [service.pay('key'), service.void('key')]) {
    const { text } = await call.set('x-caller-key', 'a b').expect(400);
    expect(text).toMatch(/^X-Caller-Key must be 1 to 128 visible ASCII characters/);
  }
  expect(await service.payments()).toEqual([]);
});

test('each answer names its operation', async () => {
  await service.start(1);
  const order = 'a b/\u{1F4B0}';
  const encoded = encodeURIComponent(order);
  for (const [call, operation] of [
    [service.pay('key', encoded), `pay ${encoded}`],
    [service.void('key', encoded), `void ${encoded}`],
    [service.pay('key', encoded), `pay ${encoded}`],
    [service.pay('key', 'another'), 'pay another'],
    [service.void('key', 'another'), 'void another'],
  ] as const) {
    expect((await call).headers['x-operation']).toBe(operation);
  }
});
