import { runService } from '@orders/chassis';
import { createApp } from './app.ts';
import { readConfig } from './config.ts';
import { SCHEMA } from './postgres-attempts.ts';

await runService({
  name: 'order-service',
  envFile: new URL('../.env', import.meta.url),
  schema: SCHEMA,
  readConfig,
  createApp,
});
