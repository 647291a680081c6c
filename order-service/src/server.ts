import { runService } from '@orders/chassis';
import { createApp } from './app.ts';
import { SCHEMA } from './attempts-table.ts';
import { readConfig } from './config.ts';

await runService({
  name: 'order-service',
  envFile: new URL('../.env', import.meta.url),
  schema: SCHEMA,
  readConfig,
  createApp,
});
