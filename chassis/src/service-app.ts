import type { GracefulShutdown } from '@orders/cancellation';
import express, { type Express } from 'express';
import { errorHandler, HttpError, only } from './errors.ts';
import type { Logger } from './logger.ts';
import { drainBody } from './request-body.ts';
import { identifyRequests } from './request-id.ts';

/** An Express app with `/health` and the routes that `addRoutes` gives it. */
export function createServiceApp(
  logger: Logger,
  shutdown: GracefulShutdown,
  addRoutes: (app: Express) => void,
): Express {
  const app = express().disable('x-powered-by').disable('etag');
  app.enable('case sensitive routing').enable('strict routing');
  app.use(identifyRequests(logger), drainBody);
  app.all('/health', only('GET'), (_req, res) => {
    if (shutdown.draining) res.status(503).type('json').send({ status: 'draining' });
    else res.type('json').send({ status: 'ok' });
  });
  addRoutes(app);
  app.use(() => {
    throw new HttpError(404, 'Not found');
  });
  return app.use(errorHandler);
}
