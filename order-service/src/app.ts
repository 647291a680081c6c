import type { RequestListener } from 'node:http';
import { createServiceApp, type Database, type Logger, only } from '@orders/chassis';
import type { Express, RequestHandler } from 'express';
import { GracefulShutdown } from '#request-scope';
import type { Config } from './config.ts';
import { inventoryClient } from './inventory-client.ts';
import { MemoryAttempts } from './memory-attempts.ts';
import { orderRoute } from './order-route.ts';
import { paymentClient } from './payment-client.ts';
import { PostgresAttempts } from './postgres-attempts.ts';
import { recoverOrphans } from './recover.ts';
import { takeBack } from './take-back.ts';
import { Voids } from './voids.ts';

/** Beside its two calls an attempt takes some time in the database, before and after them. */
const MARGIN_MS = 5_000;

/** The order service's app: `GET /order?productID=&orderID=`. */
export function createApp(
  config: Config,
  logger: Logger,
  shutdown = new GracefulShutdown(),
  database?: Database,
): RequestListener {
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
  const placing = new Set<Promise<void>>();
  shutdown.afterRequests(async (signal) => {
    // Some may still be writing their verdict down, which nothing cancels.
    await Promise.allSettled(placing);
    await voids.finish(signal);
  }, config.voidShutdownMs);
  if (attempts instanceof PostgresAttempts)
    recoverOrphans(attempts, voids, logger, shutdown.signal);

  const dependencies = { inventory, payment, attempts, voids };
  const addRoutes = (app: Express) => {
    app.all('/order', noStore, only('GET'), orderRoute(dependencies, config.maxInFlight, placing));
  };
  return createServiceApp(logger, shutdown, database, addRoutes, config.allowedHosts);
}

/** A GET that charges must never be answered from a cache. */
const noStore: RequestHandler = (_req, res, next) => {
  res.setHeader('Cache-Control', 'no-store');
  next();
};
