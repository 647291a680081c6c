// inventory-service whose queries get no scope, so that nothing is canceled.
import { type Database, runService } from '@orders/chassis';
import { createApp } from '../../inventory-service/src/app.ts';
import { readConfig } from '../../inventory-service/src/config.ts';
import { PRODUCTS } from '../../inventory-service/src/stock/postgres.ts';

await runService({
  name: 'inventory-service',
  envFile: new URL('.env', import.meta.url),
  table: PRODUCTS,
  readConfig,
  createApp(options) {
    if (options.database) forgetScopes(options.database);
    return createApp(options);
  },
});

function forgetScopes({ pool }: Database): void {
  const query = pool.query.bind(pool);
  Object.assign(pool, { query: (text: string, values: unknown[]) => query(text, values) });
}
