import { Client } from 'pg';
import { Scope } from 'request-scope';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { until } from '../../../harness/until.ts';
import { useServer } from '../../../postgres/test/server.ts';
import { SCHEMA, testDatabase } from '../../../postgres/test/test-database.ts';
import {
  PAYMENTS,
  PostgresLedger,
  paymentStatements,
  voidedChannel,
} from '../../src/ledger/postgres.ts';

const BEGUN =
  "begin; insert into orders.payments (payment_key, order_id, status) values ('crossed', 'X', 'pending')";

const CHANNEL = voidedChannel(SCHEMA);

const server = useServer();
let database: Awaited<ReturnType<typeof testDatabase>>;
let other: Client;

beforeEach(async () => {
  if (!server.isThere) return;
  database = await testDatabase(server.postgres.url, PAYMENTS);
  await server.ask('truncate payments');
  other = new Client(server.postgres.url);
  await other.connect();
});
afterEach(async () => {
  if (!server.isThere) return;
  await other.end();
  await database[Symbol.asyncDispose]();
});

test('a void that crosses the beginning of its payment is told to who works on it', async () => {
  const heard: string[] = [];
  database.listen(CHANNEL, (key) => heard.push(key));
  await until('listening', async () => {
    const text = `select 1 from pg_stat_activity where query = 'listen "${CHANNEL}"'`;
    return (await server.ask(text)).rows.length > 0 || undefined;
  });
  await other.query(BEGUN);
  using scope = new Scope();
  const voided = new PostgresLedger(database, { warn() {} }).void('crossed', 'X', scope);
  await server.runs(paymentStatements(SCHEMA).void);
  await other.query('commit');
  expect(await voided).toBe('voided');
  await expect.poll(() => heard).toEqual(['crossed']);
});

test('a start waits for nobody who writes', async () => {
  await other.query(BEGUN);
  await using _started = await testDatabase(server.postgres.url, PAYMENTS);
  await other.query('rollback');
});
