import { randomUUID } from 'node:crypto';
import {
  createServiceApp,
  type Database,
  idempotencyKey as idempotencyKeyOf,
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
import type { Beginning } from './attempts.ts';
import type { Config } from './config.ts';
import { type OrderEnded, orderEnded } from './events.ts';
import { CallFailed } from './http/call-failed.ts';
import { inventoryClient } from './inventory-client.ts';
import { MemoryAttempts } from './memory-attempts.ts';
import { paymentClient } from './payment-client.ts';
import { placeOrder } from './place-order.ts';
import { PostgresAttempts } from './postgres-attempts.ts';
import { recoverOrphans } from './recover.ts';
import { takeBack } from './take-back.ts';
import { Voids } from './voids.ts';

const PROCESSED = 'Order successfully processed';
/** Beside its two calls an attempt takes some time in the database, before and after them. */
const MARGIN_MS = 5_000;

const RETRY_LATER = { 'Retry-After': '1' };

/** The order service's app: `GET /order?productID=&orderID=`. */
export function createApp(
  config: Config,
  logger: Logger,
  shutdown = new GracefulShutdown(),
  database?: Database,
): Express {
  const { callTimeoutMs, voidTimeoutMs } = config;
  const inventory = inventoryClient(config.inventoryUrl, callTimeoutMs);
  const payment = paymentClient(config.paymentUrl, callTimeoutMs, voidTimeoutMs);
  const attempts = database
    ? new PostgresAttempts(database.pool, 2 * callTimeoutMs + MARGIN_MS)
    : new MemoryAttempts(config.retentionMs);
  const voids = new Voids(takeBack(attempts, payment), {
    giveUpMs: config.voidGiveUpMs,
    rememberedMs: database ? Number.POSITIVE_INFINITY : config.retentionMs,
    isDurable: database !== undefined,
  });
  const dependencies = { inventory, payment, attempts, voids };
  let inFlight = 0;
  const placing = new Set<Promise<void>>();
  shutdown.afterRequests(async (signal) => {
    // Some may still be writing their verdict down, which nothing cancels.
    await Promise.allSettled(placing);
    await voids.finish(signal);
  }, config.voidShutdownMs);
  if (attempts instanceof PostgresAttempts)
    recoverOrphans(attempts, voids, logger, shutdown.signal);

  return createServiceApp(logger, shutdown, database, (app) => {
    app.all('/order', noStore, only('GET'), async (req, res) => {
      const productID = identifier(req, 'productID', '1234');
      const orderID = identifier(req, 'orderID', 'orderID-5678');
      const callerKey = idempotencyKeyOf(req);
      // A void holds its order's place, so that an outage of the payment service cannot pile them up.
      if (inFlight + voids.size >= config.maxInFlight) {
        throw createError(503, 'Too many orders in flight', { headers: RETRY_LATER });
      }
      // The payment's key is ours alone: its void must never meet the payment of another attempt.
      const idempotencyKey = randomUUID();
      const log = requestLogger(res, { productID, orderID, idempotencyKey });
      const id = requestId(res);
      const order = { productID, orderID, idempotencyKey, callerKey, requestId: id, log };
      using scope = scopeOf(res);
      let placed: Promise<void> | undefined;
      inFlight += 1;
      try {
        const beginning = await attempts.begin(order, scope);
        if (beginning === 'begun') {
          log.info(`Placing order for product: ${productID}`);
          placed = placeOrder(order, dependencies, scope);
          placing.add(placed);
          await placed;
          log.info(PROCESSED);
          tell({ order, outcome: 'processed', message: PROCESSED });
        } else if (beginning !== 'processed') throw refusal(beginning);
        sendText(res, PROCESSED);
      } catch (error) {
        if (!(error instanceof CallFailed)) throw error;
        const { ending, level, status, message } = error;
        log[level]({ cause: ending, elapsedMs: scope.elapsedMs }, message);
        tell({ order, outcome: ending, message });
        if (status === undefined) return; // Nobody is left to answer.
        if (status === 503) res.set(RETRY_LATER);
        sendText(res.status(status), message);
      } finally {
        inFlight -= 1;
        if (placed) placing.delete(placed);
      }
    });
  });
}

const tell = (ended: OrderEnded) => orderEnded.publish(ended);

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
