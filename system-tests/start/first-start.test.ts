import { pino } from 'pino';
import { GracefulShutdown } from 'request-scope';
import { expect, test } from 'vitest';
import { Feed } from '../../harness/feed.ts';
import { createApp as createInventory } from '../../inventory-service/src/app.ts';
import { PRODUCTS } from '../../inventory-service/src/stock/postgres.ts';
import { createApp as createOrder } from '../../order-service/src/app.ts';
import { ATTEMPTS } from '../../order-service/src/attempts/postgres.ts';
import { readConfig as readOrderConfig } from '../../order-service/src/config.ts';
import { createApp as createPayment } from '../../payment-service/src/app.ts';
import { PAYMENTS } from '../../payment-service/src/ledger/postgres.ts';
import { openDatabase } from '../../postgres/src/database.ts';
import { Tables } from '../../postgres/src/index.ts';
import { useServer } from '../../postgres/test/server.ts';

const server = useServer();

test('a new database, three services at once: its server logs no error', async () => {
  const url = server.postgres.url;
  const shutdown = new GracefulShutdown();
  const lines = new Feed<string>();
  const logger = pino({}, { write: (line) => lines.push(JSON.parse(line).msg) });
  const open = async (table: typeof ATTEMPTS) =>
    openDatabase(url, {
      tables: new Tables('orders', [table]),
      maxConnections: 2,
      logger,
      signal: shutdown.signal,
    });
  const databases = await Promise.all([ATTEMPTS, PAYMENTS, PRODUCTS].map(open));
  const [attempts, payments, products] = databases;
  createOrder({ config: readOrderConfig({}), logger, shutdown, database: attempts });
  createPayment({
    config: { paymentDurationMs: 1, retentionMs: 1 },
    logger,
    shutdown,
    database: payments,
  });
  createInventory({ config: { checkDurationMs: 1 }, logger, shutdown, database: products });
  await lines.next((line) => line === 'Database available', 3);
  // It has looked for orphans.
  const asked = "select 1 from pg_stat_activity where query like '%for update skip locked%'";
  await expect
    .poll(async () => (await server.ask(`${asked} and pid <> pg_backend_pid()`)).rows)
    .toHaveLength(1);
  expect(lines.items).toEqual(Array(3).fill('Database available'));
  expect(await server.errors()).toEqual([]);
  await shutdown.drain(0);
  for (const database of databases) await database.close();
});
