import type { RequestListener } from 'node:http';
import request from 'supertest';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { answers, available, paymentService, Stage, silent, voided } from './stage.ts';

const FAILED = /^Payment processing failed/;

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.close());

const UNKNOWN = 'Payment outcome unknown for order: orderID-5678';

describe('a void', () => {
  test('is repeated until it is acknowledged, behind the answer', async () => {
    let refusals = 2;
    const revoke: RequestListener = (req, res) => {
      (refusals > 0 ? answers(503) : voided)(req, res);
      refusals -= 1;
    };
    const app = await stage.orderService(available, paymentService(answers(500), revoke));
    await request(app).get('/order').expect(500, FAILED);
    expect(stage.reached('/void').length).toBeLessThan(3);
    await expect.poll(() => stage.reached('/void').length, { timeout: 5_000 }).toBe(3);
    await stage.shutdown.drain(1_000);
    expect(stage.reached('/void')).toHaveLength(3);
    expect(stage.logged(UNKNOWN)).toEqual([]);
  });

  test('that is given up leaves the record to reconcile by', async () => {
    const app = await stage.orderService(available, paymentService(answers(500), answers(500)), {
      VOID_GIVE_UP_MS: '50',
    });
    await request(app).get('/order').expect(500, FAILED);
    await expect.poll(() => stage.logged(UNKNOWN)).toHaveLength(1);
    const idempotencyKey = stage.reached('/pay')[0]?.headers['idempotency-key'];
    expect(stage.logged(UNKNOWN)).toMatchObject([
      { level: 50, idempotencyKey, orderID: 'orderID-5678', cause: 'deadline-exceeded' },
    ]);
    expect(JSON.stringify(stage.lines)).not.toContain('stack');
  });

  test('under way is waited for at shutdown', async () => {
    const app = await stage.orderService(
      available,
      paymentService(answers(500), (req, res) => {
        setTimeout(() => voided(req, res), 100);
      }),
    );
    await request(app).get('/order').expect(500, FAILED);
    await stage.shutdown.drain(5_000);
    expect(stage.reached('/void')).toHaveLength(1);
    expect(stage.logged(UNKNOWN)).toEqual([]);
  });

  test('that outlives the shutdown is logged as unknown', async () => {
    const app = await stage.orderService(available, paymentService(answers(500), silent));
    await request(app).get('/order').expect(500, FAILED);
    await stage.shutdown.drain(0);
    expect(stage.logged(UNKNOWN)).toMatchObject([{ level: 50, cause: 'shutting-down' }]);
  });

  test("holds its order's place: an outage cannot pile them up", async () => {
    const app = await stage.orderService(available, paymentService(answers(500), silent), {
      MAX_IN_FLIGHT: '2',
    });
    await request(app).get('/order').expect(500, FAILED);
    await request(app).get('/order').expect(500, FAILED);
    await request(app)
      .get('/order')
      .expect(503, 'Too many orders in flight\n')
      .expect('Retry-After', '1');
    await stage.shutdown.drain(0);
  });
});
