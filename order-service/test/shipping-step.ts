import type { RequestListener } from 'node:http';
import { IDEMPOTENCY_KEY_HEADER, operation, REQUEST_ID_HEADER } from '@orders/chassis';
import { pino } from 'pino';
import request from 'supertest';
import { createApp } from '../../payment-service/src/app.ts';
import type { Order } from '../src/order.ts';
import type { Step } from '../src/step.ts';

const LONG_MS = 60_000;
const ORDER_ID = 'orderID-5678';

/** A payment service with its own ledger, and the statuses of its payments. */
export function realPaymentService() {
  const config = { paymentDurationMs: 0, retentionMs: LONG_MS };
  const listener = createApp({ config, logger: pino({ level: 'silent' }) });
  const payments = async (): Promise<string[]> => {
    const { body } = await request(listener).get(`/payments?orderID=${ORDER_ID}`);
    return body.map(({ status }: { status: string }) => status);
  };
  return { listener, payments };
}

/** A shipping service: `ship` answers the shipments, `cancel` their cancellations. */
export const shippingService =
  (ship: RequestListener, cancel: RequestListener): RequestListener =>
  (req, res) =>
    (req.url?.startsWith('/ship') ? ship : cancel)(req, res);

/** The step of the shipping service at `url`. */
export function shippingStep(url: string, timeoutMs = LONG_MS): Required<Step> {
  const post = ({ orderID, requestId, paymentKey }: Order, what: 'ship' | 'cancel') => ({
    step: 'Shipping',
    service: 'shipping-service',
    method: 'POST' as const,
    url: new URL(`${url}/${what}`),
    params: { orderID },
    headers: { [REQUEST_ID_HEADER]: requestId, [IDEMPOTENCY_KEY_HEADER]: paymentKey },
    operation: operation(what, orderID),
  });
  return {
    call: (order) => post(order, 'ship'),
    undo: (order) => post(order, 'cancel'),
    timeoutMs,
  };
}
