import { subscribe } from 'node:diagnostics_channel';
import type { RequestListener } from 'node:http';
import { type AppOptions, count, createServiceApp, only } from '@orders/chassis';
import type { Express, RequestHandler } from 'express';
import { GracefulShutdown } from 'request-scope';
import { MemoryAttempts } from './attempts/memory.ts';
import { PostgresAttempts } from './attempts/postgres.ts';
import type { Config } from './config.ts';
import { call } from './downstream/call.ts';
import { orderSteps } from './place-order.ts';
import { recoverOrphans } from './recover.ts';
import { orderRoute } from './routes/order.ts';
import { attemptMs, type Step } from './step.ts';
import { takeBack, Voids } from './voids.ts';

/** The order service's app: `GET /order?productID=&orderID=`. */
export function createApp(
  service: AppOptions<Config>,
  steps: readonly Step[] = orderSteps(service.config),
): RequestListener {
  const { config, logger, shutdown = new GracefulShutdown(), database } = service;
  const attempts = database
    ? new PostgresAttempts(database, attemptMs(steps))
    : new MemoryAttempts(config.retentionMs);
  // When a payment is voided it may have been settled for as long as its step and the later ones last.
  const settledMs = attemptMs(steps.slice(steps.findIndex(({ undo }) => undo)));
  const voids = new Voids(takeBack(attempts, steps, call, config.voidTimeoutMs), {
    giveUpMs: config.voidGiveUpMs,
    rememberedMs: database ? Number.POSITIVE_INFINITY : config.retentionMs - settledMs,
    isDurable: database !== undefined,
  });
  const placing = new Set<Promise<void>>();
  shutdown.afterRequests(async (signal) => {
    // Some may still be writing their verdict down, which nothing cancels.
    await Promise.allSettled(placing);
    if (voids.size > 0) logger.info(`Waiting for ${count(voids.size, 'void')}`);
    await voids.finish(signal);
  }, config.voidShutdownMs);
  subscribe('chassis:cut-short', () => voids.reportOpen());
  if (database && attempts instanceof PostgresAttempts)
    recoverOrphans(database, attempts, voids, logger, shutdown.signal);

  const dependencies = { steps, send: call, attempts, voids };
  const addRoutes = (app: Express) => {
    app.all('/order', noStore, only('GET'), orderRoute(dependencies, config.maxInFlight, placing));
  };
  return createServiceApp(
    { logger, shutdown, database, allowedHosts: config.allowedHosts },
    addRoutes,
  );
}

/** A GET that charges must never be answered from a cache. */
const noStore: RequestHandler = (_req, res, next) => {
  res.setHeader('Cache-Control', 'no-store');
  next();
};
