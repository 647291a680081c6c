import { runService } from '@orders/chassis';
import { createApp } from './app.ts';
import { readConfig } from './config.ts';
import { PRODUCTS } from './stock/postgres.ts';

await runService({
  name: 'inventory-service',
  envFile: new URL('../.env', import.meta.url),
  table: PRODUCTS,
  readConfig,
  createApp,
});
