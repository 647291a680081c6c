import { createPool } from 'request-scope-pg';
import { expect, test } from 'vitest';
import { useServer } from '../../../harness/use-server.ts';
import { testDatabase } from '../../../postgres/test/test-database.ts';
import { checkStatement, PRODUCTS } from '../../src/stock/postgres.ts';
import { HEALTHY, startInventory, UNAVAILABLE } from '../inventory-service-under-test.ts';
import { lockProducts } from './lock-products.ts';

const CHECK = checkStatement('orders');
const ENDLESS_MS = 3_600_000;
const CANCELED = { status: 408, body: 'Request canceled' };

const server = useServer();

test('ten replicas that start together make the table once', async () => {
  const start = () => startInventory(server.postgres.url, { connections: 1 });
  const replicas = await Promise.all(Array.from({ length: 10 }, start));
  for (const { health } of replicas) await health(HEALTHY);
  for (const { lines } of replicas) expect(lines).toMatchObject([{ msg: 'Database available' }]);
  for (const replica of replicas) await replica[Symbol.asyncDispose]();
  expect((await server.ask('select id from products')).rows).toEqual([{ id: '1234' }]);
});

test('answers as in memory, also for an unknown product', async () => {
  await using inventory = await startInventory(server.postgres.url);
  await inventory.health(HEALTHY);
  for (const product of ['1234', 'unknown', "o'brien"]) {
    const check = inventory.check(product, 60_000);
    expect(await check.answer).toMatchObject({
      status: 200,
      body: `Product ${product} is available`,
    });
    const { msg } = await inventory.outcome(check);
    expect(msg).toBe(`Inventory check completed for product: ${product}`);
  }
});

test('a hang-up and a shutdown stop the query in the database', async () => {
  await using inventory = await startInventory(server.postgres.url, { durationMs: ENDLESS_MS });
  await inventory.health(HEALTHY);
  const hungUp = inventory.check();
  await server.runs(CHECK);
  hungUp.hangUp();
  await server.stops(CHECK);
  expect(await inventory.outcome(hungUp)).toMatchObject({ cause: 'client-disconnected' });

  const aborted = inventory.check();
  await server.runs(CHECK);
  const drained = inventory.shutdown.drain(0);
  expect(await aborted.answer).toMatchObject(CANCELED);
  expect(await inventory.outcome(aborted)).toMatchObject({ cause: 'shutting-down' });
  await server.stops(CHECK);
  await drained;
});

test('a spent budget stops the query in the database', async () => {
  await using inventory = await startInventory(server.postgres.url);
  await inventory.health(HEALTHY);
  await using _lock = await lockProducts(server);
  const check = inventory.check('1234', 1_000);
  await server.runs(CHECK);
  expect(await check.answer).toMatchObject(CANCELED);
  await server.stops(CHECK);
  expect(await inventory.outcome(check)).toMatchObject({ cause: 'deadline-exceeded' });
});

test('a check that cannot finish within its budget is not sent', async () => {
  await using inventory = await startInventory(server.postgres.url, { durationMs: ENDLESS_MS });
  await inventory.health(HEALTHY);
  const check = inventory.check('1234', ENDLESS_MS);
  expect(await check.answer).toMatchObject(CANCELED);
  expect(await inventory.outcome(check)).toMatchObject({ cause: 'deadline-exceeded' });
  const begun = await server.ask('select 1 from pg_stat_activity where query = $1', [CHECK]);
  expect(begun.rows).toEqual([]);
});

test('a check that waits for a connection ends with its client or its budget; the others go on', async () => {
  await using inventory = await startInventory(server.postgres.url, { connections: 1 });
  await inventory.health(HEALTHY);
  const lock = await lockProducts(server);
  const atWork = inventory.check();
  await server.runs(CHECK);
  const outOfTime = inventory.check('1234', 100);
  const hungUp = inventory.check();
  const patient = inventory.check('1234', 60_000);
  expect(await outOfTime.answer).toMatchObject(CANCELED);
  hungUp.hangUp();
  expect(await inventory.outcome(hungUp)).toMatchObject({ cause: 'client-disconnected' });
  await server.runs(CHECK);
  await lock[Symbol.asyncDispose]();
  for (const { answer } of [atWork, patient]) expect((await answer).status).toBe(200);
});

test('a check is 503 with Retry-After if too many wait', async () => {
  await using _made = await testDatabase(server.postgres.url, PRODUCTS);
  const pool = createPool(server.postgres.url, { maxConnections: 1, maxWaiting: 1 });
  const isAvailable = true;
  const database = { pool, schema: 'orders', isAvailable, listen() {}, close: () => pool.close() };
  const options = { database, durationMs: ENDLESS_MS };
  await using inventory = await startInventory(server.postgres.url, options);
  const atWork = inventory.check();
  await server.runs(CHECK);
  const [first, second] = [inventory.check(), inventory.check()];
  const refused = await Promise.race([first.answer, second.answer]);
  expect(refused).toMatchObject({
    status: 503,
    body: 'Too many queries wait for the database',
    headers: { 'retry-after': '1' },
  });
  for (const { hangUp } of [atWork, first, second]) hangUp();
  await server.stops(CHECK);
});

test('starts without its database, warns once, and is healthy when the database is available', async () => {
  await server.postgres.stop();
  await using inventory = await startInventory(server.postgres.url);
  await inventory.health(UNAVAILABLE);
  const { status, headers, body } = await inventory.check().answer;
  expect({ status, body }).toEqual({ status: 503, body: 'Database unavailable' });
  expect(headers['retry-after']).toBe('1');
  await server.postgres.restart();
  await inventory.health(HEALTHY);
  expect((await inventory.check().answer).status).toBe(200);
  expect(inventory.lines).toMatchObject([
    { level: 40, msg: 'Database unavailable (ECONNREFUSED), it is tried again' },
    { level: 30, msg: 'Database available' },
    { msg: 'Inventory check completed for product: 1234' },
  ]);
});
