import { randomUUID } from 'node:crypto';
import { GracefulShutdown, requestScope } from '@orders/cancellation';
import {
  createServiceApp,
  identifier,
  type Logger,
  only,
  REQUEST_ID_HEADER,
  requestLogger,
  sendText,
} from '@orders/chassis';
import type { Express, RequestHandler } from 'express';
import createError from 'http-errors';
import type { Config } from './config.ts';
import { CallEnded } from './ending.ts';
import { placeOrder } from './place-order.ts';
import { Voids } from './voids.ts';

/** The order service's app: `GET /order?productID=&orderID=`. */
export function createApp(
  config: Config,
  logger: Logger,
  shutdown = new GracefulShutdown(),
): Express {
  const voids = new Voids(config.voidGiveUpMs);
  shutdown.afterRequests((signal) => voids.finish(signal), config.voidShutdownMs);
  return createServiceApp(logger, shutdown, (app) => {
    app.all('/order', noStore, only('GET'), async (req, res) => {
      const productID = identifier(req, 'productID', '1234');
      const orderID = identifier(req, 'orderID', 'orderID-5678');
      // A void holds its order's place, so that an outage of the payment service cannot pile them up.
      if (shutdown.inFlight + voids.size >= config.maxInFlight) throw tooManyOrders();
      const idempotencyKey = randomUUID();
      const log = requestLogger(res, { productID, orderID, idempotencyKey });
      const headers = { [REQUEST_ID_HEADER]: res.locals.requestId };
      using scope = requestScope(req, res, shutdown);
      log.info(`Placing order for product: ${productID}`);
      try {
        const order = { productID, orderID, idempotencyKey, headers, log };
        await placeOrder(order, config, voids, scope);
        log.info('Order successfully processed');
        sendText(res, 'Order successfully processed');
      } catch (error) {
        if (!(error instanceof CallEnded)) throw error;
        const { ending, level, message } = error;
        log[level]({ cause: ending, elapsedMs: scope.elapsedMs }, message);
        if (ending === 'client-disconnected') return; // Nobody is left to answer.
        if (ending === 'shutting-down') sendText(res.status(503).set('Retry-After', '1'), message);
        else sendText(res.status(500), message);
      }
    });
  });
}

/** A GET that charges must never be answered from a cache. */
const noStore: RequestHandler = (_req, res, next) => {
  res.setHeader('Cache-Control', 'no-store');
  next();
};

function tooManyOrders(): Error {
  return createError(503, 'Too many orders in flight', { headers: { 'Retry-After': '1' } });
}
