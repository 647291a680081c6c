import type { RequestListener } from 'node:http';
import type { Database } from '@orders/postgres/database';
import express, { type Express, type Request, type RequestHandler, type Response } from 'express';
import createError from 'http-errors';
import type { Logger } from 'pino';
import { GracefulShutdown } from 'request-scope';
import { scopes } from 'request-scope/express';
import { errorHandler, plainText, sendText } from './answers.ts';
import { type AllowedHosts, refusalOf } from './callers.ts';
import { health } from './health.ts';
import { identifyRequests } from './request-id.ts';
import { waitUntilReady } from './wait-until-ready.ts';

interface AppParts {
  logger: Logger;
  /** Its drain waits for the requests of the app. */
  shutdown?: GracefulShutdown | undefined;
  /** Without a database the state is kept in memory. */
  database?: Database | undefined;
}

export interface AppOptions<Config> extends AppParts {
  config: Config;
}

/**
 * Makes the listener of an Express app with `/health` and the routes of `addRoutes`. Each request has a
 * scope. Requests for a host that is not in `allowedHosts`, and requests of web pages of another origin,
 * are refused.
 */
export function createServiceApp(
  {
    logger,
    shutdown = new GracefulShutdown(),
    database,
    allowedHosts,
  }: AppParts & { allowedHosts?: AllowedHosts },
  addRoutes: (app: Express) => void,
): RequestListener {
  const app = express().disable('x-powered-by').disable('etag');
  app.enable('case sensitive routing').enable('strict routing');
  // Without this Express answers 304 to If-None-Match: *, even for an order that was just charged.
  Object.defineProperty(app.request, 'fresh', { value: false });
  app.use(identifyRequests(logger), plainText, scopes({ shutdown }), waitUntilReady());
  app.use((req, _res, next) => {
    const refusal = refusalOf(req, allowedHosts);
    next(refusal && createError(refusal.status, refusal.message));
  });
  app.all('/health', only('GET', 'HEAD'), health({ shutdown, database }));
  addRoutes(app);
  app.use((_req, _res, next) => next(createError(404, 'Not found')));
  app.use(errorHandler);
  // A target without a path, such as `foo://bar`, matches no middleware: Express would answer in HTML.
  const refuse = (res: Response, err: unknown) => {
    if (!err) return sendText(res.status(404).type('text').set('Connection', 'close'), 'Not found');
    logger.error({ err }, 'Internal error');
    res.destroy();
  };
  return (req, res) => app(req as Request, res as Response, (err) => refuse(res as Response, err));
}

/**
 * Middleware that answers 405 to all methods but `methods`. That includes HEAD, for which Express would
 * run the handler of GET.
 */
export function only(...methods: ('GET' | 'HEAD' | 'POST')[]): RequestHandler {
  const allowed: readonly string[] = methods;
  return (req, _res, next) => {
    if (allowed.includes(req.method)) return next();
    const headers = { Allow: methods.join(', ') };
    throw createError(405, `${req.method} is not allowed here`, { headers });
  };
}
