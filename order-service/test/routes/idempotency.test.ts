import { pino } from 'pino';
import request from 'supertest';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MemoryAttempts } from '../../src/attempts/memory.ts';
import { answers, available, held, paid, paymentService, voided } from '../canned-answers.ts';
import { OrderServiceUnderTest } from '../order-service-under-test.ts';

let service: OrderServiceUnderTest;
beforeEach(() => {
  service = new OrderServiceUnderTest();
});
afterEach(() => service.close());

const IN_FLIGHT = 'The order of this Idempotency-Key is in flight\n';
const FAILED = 'The order of this Idempotency-Key failed or was canceled, take a new key\n';

describe("under the caller's Idempotency-Key", () => {
  test('an order that was processed is answered again at once, and charged once', async () => {
    const app = await service.appBetween(available, paid);
    for (const key of ['"mine"', 'mine']) {
      const answer = request(app).get('/order').set('Idempotency-Key', key);
      await answer
        .expect(200, 'Order successfully processed\n')
        .expect('Cache-Control', 'no-store');
    }
    expect(service.calls).toHaveLength(2);
    expect(service.calls[1]?.headers['idempotency-key']).not.toBe('mine');
  });

  test('an order in flight is a conflict, and its payment is left alone', async () => {
    const payment = held(paid);
    const app = await service.appBetween(available, paymentService(payment.listener, voided));
    const first = request(app).get('/order').set('Idempotency-Key', 'mine').then();
    await expect.poll(() => service.reached('/pay')).toHaveLength(1);
    await request(app).get('/order').set('Idempotency-Key', 'mine').expect(409, IN_FLIGHT);
    payment.release();
    expect((await first).status).toBe(200);
    expect(service.reached('/void')).toHaveLength(0);
  });

  test('an order that failed needs a new key', async () => {
    const app = await service.appBetween(answers(500), paid);
    await request(app).get('/order').set('Idempotency-Key', 'mine').expect(500);
    await request(app).get('/order').set('Idempotency-Key', 'mine').expect(409, FAILED);
    await request(app).get('/order').set('Idempotency-Key', 'new').expect(500);
  });

  test('another order is refused, and nothing is called for it', async () => {
    const app = await service.appBetween(available, paid);
    await request(app).get('/order').set('Idempotency-Key', 'mine').expect(200);
    for (const query of ['orderID=other', 'productID=other']) {
      const other = request(app).get(`/order?${query}`).set('Idempotency-Key', 'mine');
      await other.expect(422, 'Idempotency-Key was used for another order\n');
    }
    expect(service.calls).toHaveLength(2);
  });

  test('an order that was refused has not used up its key', async () => {
    const app = await service.appBetween(available, paid, {}, { maxInFlight: 0 });
    for (const _ of ['first', 'second']) {
      await request(app).get('/order').set('Idempotency-Key', 'mine').expect(503);
    }
  });

  test.each([
    ['its budget was spent', '0', 500, 'Inventory check failed: deadline exceeded\n'],
    [
      'its service had aborted what it does',
      '60000',
      503,
      'Order canceled: service shutting down\n',
    ],
  ])(
    'an order that never began because %s has not used up its key',
    async (_why, ms, status, text) => {
      const app = await service.appBetween(available, paid);
      if (status === 503) await service.shutdown.drain(0);
      const ask = () => request(app).get('/order').set('Idempotency-Key', 'mine');
      for (const _ of ['first', 'second'])
        await ask().set('x-envoy-expected-rq-timeout-ms', ms).expect(status, text);
      expect(service.calls).toEqual([]);
      if (status !== 503) await ask().expect(200);
    },
  );

  test('a key that is none is refused', async () => {
    const app = await service.appBetween(available, paid);
    await request(app).get('/order').set('Idempotency-Key', 'a b').expect(400);
    expect(service.calls).toEqual([]);
  });
});

test('attempts are forgotten by age alone: at the bound there is no room', async () => {
  const roomForTwo = 700;
  const attempts = new MemoryAttempts(60_000, roomForTwo);
  const order = (callerKey?: string) => ({
    productID: '1',
    orderID: '2',
    paymentKey: 'a',
    requestId: 'b',
    callerKey,
    log: pino({ level: 'silent' }),
  });
  expect(await attempts.begin(order('one'))).toBe('begun');
  await attempts.succeed(order('one'));
  expect(await attempts.begin(order('two'))).toBe('begun');
  expect(await attempts.begin(order('three'))).toBe('full');
  expect(await attempts.begin(order('one'))).toBe('processed');
  expect(await attempts.begin(order())).toBe('begun');
});

test('each attempt has its own payment key, on its log lines', async () => {
  const app = await service.appBetween(available, paid);
  await request(app).get('/order').expect(200);
  await request(app).get('/order').expect(200);
  const keys = service.reached('/pay').map(({ headers }) => headers['idempotency-key']);
  expect(new Set(keys).size).toBe(2);
  const onLines = service.lines.map(({ paymentKey }) => paymentKey);
  expect(onLines).toEqual([keys[0], keys[0], keys[1], keys[1]]);
});

describe("by its caller's key", () => {
  const ask = (app: Parameters<typeof request>[0], query = '') =>
    request(app).get(`/order${query}`).set('Idempotency-Key', '"mine"');

  test('an order is found on each of its lines, and on those of its payment', async () => {
    const app = await service.appBetween(available, paymentService(answers(500), voided));
    await ask(app).expect(500);
    await expect.poll(() => service.reached('/void')).toHaveLength(1);
    const [payment] = service.reached('/pay');
    const [revocation] = service.reached('/void');
    const paymentKey = payment?.headers['idempotency-key'];
    const keys = { callerKey: 'mine', paymentKey };
    expect(service.lines).toMatchObject([
      { ...keys, msg: 'Placing order for product: 1234' },
      { ...keys, level: 40 },
    ]);
    expect(payment?.headers['x-caller-key']).toBe('mine');
    expect(revocation?.headers['x-caller-key']).toBe('mine');
    expect(service.reached('/check')[0]?.headers).not.toHaveProperty('x-caller-key');
  });

  test('a key that reads like a quoted string goes on as it was meant', async () => {
    const app = await service.appBetween(available, paid);
    const key = '"\\"mine\\""';
    await request(app).get('/order').set('Idempotency-Key', key).expect(200);
    expect(service.reached('/pay')[0]?.headers['x-caller-key']).toBe(key);
  });

  test('an order that is refused is found: one line, and no payment on it', async () => {
    const inventory = held(available);
    const app = await service.appBetween(inventory.listener, paid, { MAX_IN_FLIGHT: '2' });
    const refusedOnce = (orderID: string, why: string) => {
      const [line, ...others] = service.lines
        .splice(0)
        .filter(({ msg }) => /refused/.test(`${msg}`));
      expect(others).toEqual([]);
      expect(line).toMatchObject({ level: 30, callerKey: 'mine', orderID });
      expect(line).toMatchObject({ msg: `Order refused: ${why}` });
      expect(line).not.toHaveProperty('paymentKey');
    };
    const first = ask(app).then();
    await expect.poll(() => service.reached('/check')).toHaveLength(1);
    await ask(app).expect(409);
    refusedOnce('orderID-5678', IN_FLIGHT.trimEnd());
    await ask(app, '?orderID=other').expect(422);
    refusedOnce('other', 'Idempotency-Key was used for another order');
    await ask(app, '?orderID=1&productID=').expect(400);
    refusedOnce('1', 'productID is empty');
    const second = request(app).get('/order').then();
    await expect.poll(() => service.reached('/check')).toHaveLength(2);
    await ask(app).expect(503);
    refusedOnce('orderID-5678', 'Too many orders in flight');
    inventory.release();
    await Promise.all([first, second]);
  });
});
