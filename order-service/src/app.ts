import { randomUUID } from 'node:crypto';
import {
  createServiceApp,
  idempotencyKey,
  identifier,
  type Logger,
  only,
  requestId,
  requestLogger,
  sendText,
} from '@orders/chassis';
import type { Express, RequestHandler } from 'express';
import createError from 'http-errors';
import { GracefulShutdown } from '#request-scope';
import { scopeOf } from '#request-scope/express';
import { Attempts, type Beginning } from './attempts.ts';
import type { Config } from './config.ts';
import { CallFailed } from './http/call-failed.ts';
import { inventoryClient } from './inventory-client.ts';
import { paymentClient } from './payment-client.ts';
import { placeOrder } from './place-order.ts';
import { Voids } from './voids.ts';

const PROCESSED = 'Order successfully processed';
const RETRY_LATER = { 'Retry-After': '1' };

/** The order service's app: `GET /order?productID=&orderID=`. */
export function createApp(
  config: Config,
  logger: Logger,
  shutdown = new GracefulShutdown(),
): Express {
  const { callTimeoutMs, voidTimeoutMs } = config;
  const inventory = inventoryClient(config.inventoryUrl, callTimeoutMs);
  const payment = paymentClient(config.paymentUrl, callTimeoutMs, voidTimeoutMs);
  const voids = new Voids(payment.void, config.voidGiveUpMs, config.retentionMs);
  const dependencies = { inventory, payment, voids };
  const attempts = new Attempts(config.retentionMs);
  let inFlight = 0;
  shutdown.afterRequests((signal) => voids.finish(signal), config.voidShutdownMs);

  return createServiceApp(logger, shutdown, (app) => {
    app.all('/order', noStore, only('GET'), async (req, res) => {
      const productID = identifier(req, 'productID', '1234');
      const orderID = identifier(req, 'orderID', 'orderID-5678');
      const callerKey = idempotencyKey(req);
      const beginning = attempts.begin(callerKey, JSON.stringify([productID, orderID]));
      if (beginning === 'processed') return sendText(res, PROCESSED);
      if (beginning !== 'begun') throw refusal(beginning);
      // A void holds its order's place, so that an outage of the payment service cannot pile them up.
      if (inFlight + voids.size >= config.maxInFlight) {
        attempts.forget(callerKey);
        throw createError(503, 'Too many orders in flight', { headers: RETRY_LATER });
      }
      // The payment's key is ours alone: its void must never meet the payment of another attempt.
      const paymentKey = randomUUID();
      const log = requestLogger(res, { productID, orderID, idempotencyKey: paymentKey });
      using scope = scopeOf(res);
      log.info(`Placing order for product: ${productID}`);
      inFlight += 1;
      let isProcessed = false;
      try {
        const ids = { productID, orderID, idempotencyKey: paymentKey, requestId: requestId(res) };
        await placeOrder({ ...ids, log }, dependencies, scope);
        isProcessed = true;
        log.info(PROCESSED);
        sendText(res, PROCESSED);
      } catch (error) {
        if (!(error instanceof CallFailed)) throw error;
        const { ending, level, status, message } = error;
        log[level]({ cause: ending, elapsedMs: scope.elapsedMs }, message);
        if (status === undefined) return; // Nobody is left to answer.
        if (status === 503) res.set(RETRY_LATER);
        sendText(res.status(status), message);
      } finally {
        inFlight -= 1;
        attempts.end(callerKey, isProcessed ? 'processed' : 'failed');
      }
    });
  });
}

/** A GET that charges must never be answered from a cache. */
const noStore: RequestHandler = (_req, res, next) => {
  res.setHeader('Cache-Control', 'no-store');
  next();
};

/** Why an attempt is not made again under its caller's key. */
function refusal(known: Exclude<Beginning, 'begun' | 'processed'>): Error {
  const subject = 'The order of this Idempotency-Key';
  switch (known) {
    case 'in-flight':
      return createError(409, `${subject} is in flight`);
    case 'failed':
      return createError(409, `${subject} failed or was canceled, take a new key`);
    case 'other-order':
      return createError(422, 'Idempotency-Key was used for another order');
    case 'full':
      return createError(503, 'Too many orders to remember', { headers: RETRY_LATER });
  }
}
