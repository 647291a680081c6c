import type { RequestListener } from 'node:http';
import { type AppOptions, createServiceApp, only, type ServiceConfig } from '@orders/chassis';
import type { Express } from 'express';
import type { Config } from './config.ts';
import { MemoryLedger } from './ledger/memory.ts';
import { openLedger } from './ledger/postgres.ts';
import { payRoute } from './routes/pay.ts';
import { paymentsRoute } from './routes/payments.ts';
import { voidRoute } from './routes/void.ts';

/** The payment service's app: `POST /pay`, `POST /void` and `GET /payments`, each `?orderID=`. */
export function createApp(
  service: AppOptions<Pick<Config, 'paymentDurationMs' | 'retentionMs'> & Partial<ServiceConfig>>,
): RequestListener {
  const { database, config, logger } = service;
  const ledger = database ? openLedger(database, logger) : new MemoryLedger(config.retentionMs);
  const addRoutes = (app: Express) => {
    app.all('/pay', only('POST'), payRoute(ledger, config.paymentDurationMs));
    app.all('/void', only('POST'), voidRoute(ledger));
    app.all('/payments', only('GET'), paymentsRoute(ledger));
  };
  return createServiceApp({ ...service, allowedHosts: config.allowedHosts }, addRoutes);
}
