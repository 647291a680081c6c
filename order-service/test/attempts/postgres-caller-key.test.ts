import { DatabaseUnavailable } from '@orders/postgres';
import request from 'supertest';
import { describe, expect, test } from 'vitest';
import { meetQueries } from '../../../postgres/test/test-database.ts';
import { attemptStatements } from '../../src/attempts/postgres.ts';
import { answers, available, held, paid, paymentService, voided } from '../canned-answers.ts';
import { useReplicas } from '../replicas-under-test.ts';

const orders = useReplicas();
const { replica, attempts } = orders;

describe("the caller's key, in another replica", () => {
  const ask = (app: Parameters<typeof request>[0], query = '') =>
    request(app).get(`/order${query}`).set('Idempotency-Key', 'mine');

  test('is charged once', async () => {
    const payment = held(paid);
    const [one, other] = [
      await replica(available, payment.listener),
      await replica(available, payment.listener),
    ];
    const first = ask(one).then();
    await expect.poll(() => orders.service.reached('/pay')).toHaveLength(1);
    await ask(other).expect(409, 'The order of this Idempotency-Key is in flight\n');
    payment.release();
    expect((await first).status).toBe(200);
    await ask(other).expect(200, 'Order successfully processed\n');
    await ask(other, '?orderID=other').expect(422);
    expect(orders.service.reached('/pay')).toHaveLength(1);
  });

  test('has failed where it failed', async () => {
    await ask(await replica(answers(500), paid)).expect(500);
    await ask(await replica(available, paid)).expect(409, /failed or was canceled/);
    expect(orders.service.reached('/pay')).toEqual([]);
  });
});

test('one with a key whose verdict nobody heard is unknown, and its record tells', async () => {
  const deaf = meetQueries(orders.database, async (query, text) => {
    const result = await query();
    if (text === attemptStatements(orders.database.schema).succeed)
      throw new DatabaseUnavailable('closed', Error());
    return result;
  });
  const app = await replica(available, paymentService(paid, voided), deaf);
  const ask = () => request(app).get('/order').set('Idempotency-Key', 'mine');
  await ask().expect(500, 'Order outcome unknown: ask again with its key\n');
  await ask().expect(200, 'Order successfully processed\n');
  await expect.poll(attempts).toMatchObject([{ status: 'processed', is_open: false }]);
  expect(orders.service.reached('/void')).toEqual([]);
});
