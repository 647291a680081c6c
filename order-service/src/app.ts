import { subscribe } from 'node:diagnostics_channel';
import type { RequestListener } from 'node:http';
import { type AppOptions, count, createServiceApp, only } from '@orders/chassis';
import type { Express, RequestHandler } from 'express';
import { GracefulShutdown } from 'request-scope';
import type { Attempts } from './attempts/attempts.ts';
import { MemoryAttempts } from './attempts/memory.ts';
import { PostgresAttempts } from './attempts/postgres.ts';
import type { Config } from './config.ts';
import { call } from './downstream/call.ts';
import { orderSteps } from './place-order.ts';
import { recoverAbandoned } from './recover.ts';
import { orderRoute } from './routes/order.ts';
import { maxAttemptMs, type Step } from './step.ts';
import { createUndoOrder, Voids } from './voids.ts';

interface OrderAppOptions extends AppOptions<Config> {
  /** Default: the steps that place-order.ts lists. */
  steps?: readonly Step[];
}

/** The order service's app: `GET /order?productID=&orderID=`. */
export function createApp({
  config,
  logger,
  shutdown = new GracefulShutdown(),
  database,
  steps = orderSteps(config),
}: OrderAppOptions): RequestListener {
  const attempts: Attempts = database
    ? new PostgresAttempts(database, maxAttemptMs(steps))
    : new MemoryAttempts(config.retentionMs);
  const { isDurable } = attempts;
  // When its void begins, a payment may be as old as its own step and all later ones can take.
  const maxPaymentAgeMs = maxAttemptMs(steps.slice(steps.findIndex(({ undo }) => undo)));
  const voids = new Voids(createUndoOrder(attempts, steps, call, config.voidTimeoutMs), {
    giveUpMs: config.voidGiveUpMs,
    rememberedMs: isDurable ? Number.POSITIVE_INFINITY : config.retentionMs - maxPaymentAgeMs,
    isDurable,
  });
  const { handler, settled } = orderRoute(
    { steps, send: call, attempts, voids },
    config.maxInFlight,
  );
  shutdown.afterRequests(async (signal) => {
    // An aborted order may still be writing its record, which nothing cancels.
    await settled();
    if (voids.size > 0) logger.info(`Waiting for ${count(voids.size, 'void')}`);
    await voids.finish(signal);
  }, config.voidShutdownMs);
  subscribe('chassis:cut-short', () => voids.reportPending());
  if (isDurable) recoverAbandoned(attempts, voids, logger, shutdown.signal);

  const addRoutes = (app: Express) => {
    app.all('/order', noStore, only('GET'), handler);
  };
  const { allowedHosts } = config;
  return createServiceApp({ logger, shutdown, database, allowedHosts }, addRoutes);
}

/** A GET that charges must never be answered from a cache. */
const noStore: RequestHandler = (_req, res, next) => {
  res.setHeader('Cache-Control', 'no-store');
  next();
};
