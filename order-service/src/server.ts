import { runService } from '@orders/chassis';
import { createApp } from './app.ts';
import { ATTEMPTS } from './attempts/postgres.ts';
import { readConfig } from './config.ts';

await runService({
  name: 'order-service',
  envFile: new URL('../.env', import.meta.url),
  table: ATTEMPTS,
  readConfig,
  createApp,
});
