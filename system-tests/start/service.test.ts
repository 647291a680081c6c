import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { GracefulShutdown } from 'request-scope';
import { createPool } from 'request-scope-pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { send } from '../../harness/clients.ts';
import { Feed } from '../../harness/feed.ts';
import { portOf } from '../../harness/network.ts';
import { ServiceProcess } from '../../harness/service-process.ts';
import { useServer } from '../../harness/use-server.ts';
import { createApp as createInventory } from '../../inventory-service/src/app.ts';
import { PRODUCTS } from '../../inventory-service/src/stock/postgres.ts';
import { createApp as createOrder } from '../../order-service/src/app.ts';
import { ATTEMPTS } from '../../order-service/src/attempts/postgres.ts';
import { readConfig as readOrderConfig } from '../../order-service/src/config.ts';
import { createApp as createPayment } from '../../payment-service/src/app.ts';
import { PAYMENTS } from '../../payment-service/src/ledger/postgres.ts';
import { openDatabase } from '../../postgres/src/database.ts';
import { Tables } from '../../postgres/src/index.ts';

/** A service with the default settings. */
let running: ServiceProcess;
beforeAll(async () => {
  running = await ServiceProcess.start('inventory-service');
});
afterAll(() => running[Symbol.asyncDispose]());

test('a service listens on loopback, and logs its address', async () => {
  const url = `http://127.0.0.1:${running.port}`;
  expect(running.lines[0]).toMatchObject({ msg: `Listening on ${url}`, port: running.port });
  expect((await send(`${url}/health`).answer).status).toBe(200);
});

test('a service listens on HOST', async ({ skip }) => {
  const addresses = Object.values(networkInterfaces()).flat();
  skip(!addresses.some((its) => its?.address === '::1'), 'there is no ::1');
  await using open = await ServiceProcess.start('payment-service', { HOST: '::1' });
  expect(open.lines[0]?.msg).toBe(`Listening on http://[::1]:${open.port}`);
});

describe('a service that cannot start says why in one line, exit code 1', () => {
  test.each([
    ['order-service', { PORT: 'http' }, 'PORT is "http", it must be an integer from 0 to 65535'],
    [
      'order-service',
      { INVENTORY_URL: 'inventory:8081' },
      'INVENTORY_URL is "inventory:8081", it must be an absolute http(s) URL',
    ],
    [
      'payment-service',
      { PAYMENT_DURATION_MS: '3s' },
      'PAYMENT_DURATION_MS is "3s", it must be an integer from 0 to 2147483647',
    ],
  ] as const)('%s with %j', async (name, env, message) => {
    await using service = new ServiceProcess(name, env);
    expect(await service.exited).toEqual({ code: 1, signal: null });
    expect(service.stderr).toBe(`${name}: ${message}\n`);
  });

  test('with a bad value in the file that DOTENV_PATH names', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'start-'));
    const DOTENV_PATH = join(folder, 'variables');
    await writeFile(DOTENV_PATH, 'PORT=1\nLOG_LEVEL=loud\n');
    await using service = new ServiceProcess('payment-service', { DOTENV_PATH });
    expect(await service.exited).toEqual({ code: 1, signal: null });
    expect(service.stderr).toMatch(
      /^payment-service: LOG_LEVEL is "loud", it must be one of .*\n$/,
    );
    await rm(folder, { recursive: true });
    await using without = new ServiceProcess('payment-service', { DOTENV_PATH });
    expect(await without.exited).toEqual({ code: 1, signal: null });
    expect(without.stderr).toMatch(/^payment-service: DOTENV_PATH cannot be read: ENOENT.*\n$/);
  });

  test('on a port in use', async () => {
    const PORT = String(running.port);
    await using service = new ServiceProcess('payment-service', { PORT });
    expect(await service.exited).toEqual({ code: 1, signal: null });
    expect(service.stderr).toMatch(
      /^payment-service: .*EADDRINUSE.*; set PORT \(.*\) to use another port\n$/,
    );
  });

  test('on a port in use, while it looks for its database', async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const DATABASE_URL = `postgres://127.0.0.1:${portOf(silent)}/nowhere`;
    const PORT = String(portOf(silent));
    await using service = new ServiceProcess('payment-service', { PORT, DATABASE_URL });
    expect(await service.exited).toEqual({ code: 1, signal: null });
    expect(service.stderr).toMatch(/^payment-service: .*EADDRINUSE.*\n$/);
    silent.close();
  });

  test('on a host that is not this machine', async () => {
    await using service = new ServiceProcess('payment-service', { HOST: '192.0.2.1' });
    expect(await service.exited).toEqual({ code: 1, signal: null });
    expect(service.stderr).toMatch(/^payment-service: .*EADDRNOTAVAIL.*\n$/);
  });
});

describe('on a PostgreSQL', () => {
  const server = useServer();

  test('three services start at once on a new database, whose server logs no error', async () => {
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
    const config = { paymentDurationMs: 1, retentionMs: 1 };
    createPayment({ config, logger, shutdown, database: payments });
    createInventory({ config: { checkDurationMs: 1 }, logger, shutdown, database: products });
    await lines.next((line) => line === 'Database available', 3);
    // order-service has looked for abandoned attempts.
    const asked = "select 1 from pg_stat_activity where query like '%for update skip locked%'";
    await expect
      .poll(async () => (await server.ask(`${asked} and pid <> pg_backend_pid()`)).rows)
      .toHaveLength(1);
    expect(lines.items).toEqual(Array(3).fill('Database available'));
    expect(await server.errors()).toEqual([]);
    await shutdown.drain(0);
    for (const database of databases) await database.close();
  });

  test('a service that finds the table of another program in its place fails to start, in one line', async () => {
    await server.ask('create database others');
    const url = server.postgres.url.replace(/postgres$/, 'others');
    await using pool = createPool(url, { maxConnections: 1 });
    await pool.query('create schema orders; create table orders.payments (amount int)');
    await using service = new ServiceProcess('payment-service', { DATABASE_URL: url });
    expect(await service.exited).toEqual({ code: 1, signal: null });
    expect(service.stderr).toBe(
      'payment-service: orders.payments is not a table of this service: set DATABASE_SCHEMA to a schema of its own\n',
    );
    await using other = await ServiceProcess.start('payment-service', {
      ...{ DATABASE_URL: url, DATABASE_SCHEMA: 'shop' },
    });
    await other.waitFor({ msg: 'Database available' });
  });
});
