import type { RequestListener } from 'node:http';
import { type AppOptions, createServiceApp, only, type ServiceConfig } from '@orders/chassis';
import type { Express } from 'express';
import type { Config } from './config.ts';
import { checkRoute } from './routes/check.ts';
import { MemoryStock } from './stock/memory.ts';
import { PostgresStock } from './stock/postgres.ts';

/** The inventory service's app: `GET /check?productID=`. */
export function createApp(
  service: AppOptions<Pick<Config, 'checkDurationMs'> & Partial<ServiceConfig>>,
): RequestListener {
  const { database, config } = service;
  const stock = database
    ? new PostgresStock(database, config.checkDurationMs)
    : new MemoryStock(config.checkDurationMs);
  const addRoutes = (app: Express) => {
    app.all('/check', only('GET'), checkRoute(stock));
  };
  return createServiceApp({ ...service, allowedHosts: config.allowedHosts }, addRoutes);
}
