import type { RequestListener } from 'node:http';
import {
  createServiceApp,
  type Database,
  type Logger,
  only,
  type ServiceConfig,
} from '@orders/chassis';
import type { Express } from 'express';
import { GracefulShutdown } from 'request-scope';
import type { Config } from './config.ts';
import { checkRoute } from './routes/check.ts';
import { MemoryStock } from './stock/memory.ts';
import { PostgresStock } from './stock/postgres.ts';

/** The inventory service's app: `GET /check?productID=`. */
export function createApp(
  config: Pick<Config, 'checkDurationMs'> & Partial<ServiceConfig>,
  logger: Logger,
  shutdown = new GracefulShutdown(),
  database?: Database,
): RequestListener {
  const stock = database
    ? new PostgresStock(database, config.checkDurationMs)
    : new MemoryStock(config.checkDurationMs);
  const addRoutes = (app: Express) => {
    app.all('/check', only('GET'), checkRoute(stock));
  };
  return createServiceApp(logger, shutdown, database, addRoutes, config.allowedHosts);
}
