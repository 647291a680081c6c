import type { RequestListener } from 'node:http';
import request from 'supertest';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import * as faults from '../../harness/faults.ts';
import { answers, available, faulty, paymentService, silent, voided } from './canned-answers.ts';
import { OrderServiceUnderTest } from './order-service-under-test.ts';

const FAILED = /^Payment processing failed/;

let service: OrderServiceUnderTest;
beforeEach(() => {
  service = new OrderServiceUnderTest();
});
afterEach(() => service.close());

describe('a payment whose outcome is unknown is voided', () => {
  test.each<[string, RequestListener]>([
    ['answers 500', answers(500)],
    ['answers 408', answers(408)],
    ['answers 409', answers(409)],
    ['answers 204', answers(204)],
    ['answers another attempt', (_req, res) => res.setHeader('idempotency-key', 'b').end('paid')],
    ['answers another operation', (_req, res) => res.setHeader('x-operation', 'check 1').end('ok')],
    ['answers no operation', (_req, res) => res.removeHeader('x-operation') ?? res.end('paid')],
    [
      "answers another operation's refusal",
      (_req, res) => {
        res.writeHead(422, { 'x-operation': 'void orderID-5678' }).end();
      },
    ],
    ['answers another request', (_req, res) => res.setHeader('x-request-id', 'b').end('paid')],
    [
      "answers another's refusal",
      (_req, res) => {
        res.writeHead(422, { 'idempotency-key': 'b' }).end();
      },
    ],
    ['answers nobody', (_req, res) => res.removeHeader('idempotency-key') ?? res.end('paid')],
    ['breaks off', faulty(faults.halfAnswerThenClose)],
    ['resets', faulty(faults.reset)],
  ])('the payment service %s', async (_row, pay) => {
    const app = await service.appBetween(available, paymentService(pay, voided));
    await request(app).get('/order').expect(500, FAILED);
    await expect.poll(() => service.reached('/void')).not.toEqual([]);
    const [payment, revocation] = [service.reached('/pay')[0], service.reached('/void')[0]];
    expect(revocation?.method).toBe('POST');
    expect(revocation?.url).toBe('/void?orderID=orderID-5678');
    expect(revocation?.headers['idempotency-key']).toBe(payment?.headers['idempotency-key']);
    expect(revocation?.headers['x-request-id']).toBe(payment?.headers['x-request-id']);
    expect(service.reached('/pay')).toHaveLength(1);
  });

  test('the client hangs up', async () => {
    const app = await service.appBetween(available, paymentService(silent, voided));
    const order = request(app).get('/order');
    order.end(() => {});
    await expect.poll(() => service.reached('/pay')).toHaveLength(1);
    order.abort();
    await expect.poll(() => service.reached('/void')).not.toEqual([]);
  });
});
