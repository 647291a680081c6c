import { runService } from '@orders/chassis';
import { createApp } from './app.ts';
import { readConfig } from './config.ts';
import { PAYMENTS } from './ledger/postgres.ts';

await runService({
  name: 'payment-service',
  envFile: new URL('../.env', import.meta.url),
  table: PAYMENTS,
  readConfig,
  createApp,
});
