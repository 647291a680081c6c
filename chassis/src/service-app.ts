import { ClientDisconnected, type GracefulShutdown } from '@orders/cancellation';
import express, { type Express, type Request, type RequestHandler } from 'express';
import createError from 'http-errors';
import type { Logger } from 'pino';
import { errorHandler, only } from './errors.ts';
import { identifyRequests } from './request-id.ts';

/** An Express app with `/health` and the routes that `addRoutes` gives it. */
export function createServiceApp(
  logger: Logger,
  shutdown: GracefulShutdown,
  addRoutes: (app: Express) => void,
): Express {
  const app = express().disable('x-powered-by').disable('etag');
  app.enable('case sensitive routing').enable('strict routing');
  // Express would answer 304 where a client sends If-None-Match: *, also for an order just charged.
  Object.defineProperty(app.request, 'fresh', { value: false });
  app.use(identifyRequests(logger), drainBody);
  app.all('/health', only('GET', 'HEAD'), (_req, res) => {
    if (shutdown.draining) res.status(503).type('json').send({ status: 'draining' });
    else res.type('json').send({ status: 'ok' });
  });
  addRoutes(app);
  app.use((_req, _res, next) => next(createError(404, 'Not found')));
  return app.use(errorHandler);
}

/** Nobody needs a body, but behind one that is not read Node sees no hang-up. */
const drainBody: RequestHandler = (req, _res, next) => {
  const { 'content-length': length = '0', 'transfer-encoding': encoding } = req.headers;
  if (length === '0' && !encoding) next();
  else drained(req).then(next, next);
};

async function drained(req: Request): Promise<void> {
  const maxBytes = 8 * 1024 * 1024;
  let bytes = 0;
  try {
    for await (const chunk of req.iterator({ destroyOnReturn: false })) {
      bytes += chunk.length;
      if (bytes > maxBytes) break;
    }
  } catch {
    throw new ClientDisconnected();
  }
  const headers = { Connection: 'close' };
  if (bytes > maxBytes) throw createError(413, 'Body is too large', { headers });
}
