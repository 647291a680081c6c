import { Client } from 'pg';
import { beforeEach, expect, test } from 'vitest';
import { useServer } from '../../harness/use-server.ts';
import { testDatabase } from '../../postgres/test/test-database.ts';
import { ATTEMPTS, PAYMENTS } from '../tables.ts';
import { runCommand } from './run-command.ts';

const server = useServer();

const retention = (...args: string[]) =>
  runCommand('retention', args, { DATABASE_URL: server.postgres.url });
const attempt = (key: string, isOpen: boolean, age: string) =>
  server.ask(
    `insert into attempts (payment_key, caller_key, product_id, order_id, request_id, status, is_open, expires_at, begun_at)
    values ($1, $1, '1', 'X', 'r', 'processed', $2, now(), now() - $3::interval)`,
    [key, isOpen, age],
  );
const payment = (key: string, status: string, age: string) =>
  server.ask(
    "insert into payments (payment_key, order_id, status, updated_at) values ($1, 'X', $2, now() - $3::interval)",
    [key, status, age],
  );
const left = async (table: string) =>
  (await server.ask(`select payment_key as key from ${table} order by 1`)).rows.map(
    ({ key }) => key,
  );

beforeEach(async () => {
  if (!server.isThere) return;
  for (const table of [ATTEMPTS, PAYMENTS]) {
    await using _database = await testDatabase(server.postgres.url, table);
  }
  await server.ask('truncate attempts, payments');
});

test('old closed attempts and settled payments are deleted; open, pending and young ones stay', async () => {
  await attempt('closed', false, '31 days');
  await attempt('open', true, '31 days');
  await attempt('young', false, '29 days');
  for (const key of ['closed', 'open', 'direct']) await payment(key, 'processed', '31 days');
  await payment('canceled', 'canceled', '31 days');
  await payment('voided', 'voided', '31 days');
  await payment('pending', 'pending', '31 days');
  await payment('young', 'processed', '29 days');
  expect(await retention('--older-than', '30d')).toEqual({
    ...{ code: 0, stdout: 'Deleted 1 attempts and 4 payments.\n', stderr: '' },
  });
  expect(await left('attempts')).toEqual(['open', 'young']);
  expect(await left('payments')).toEqual(['open', 'pending', 'young']);
});

test('thousands are deleted in batches, beside a session that has locked one of them', async () => {
  await server.ask(`
    insert into payments (payment_key, order_id, status, updated_at)
    select 'p' || n, 'X', 'processed', now() - interval '31 days' from generate_series(1, 2500) n`);
  const other = new Client(server.postgres.url);
  await other.connect();
  await other.query("begin; select from orders.payments where payment_key = 'p1' for update");
  expect((await retention('--older-than', '720h')).stdout).toBe(
    'Deleted 0 attempts and 2499 payments.\n',
  );
  expect(await left('payments')).toEqual(['p1']);
  await other.end();
});

test('an age that is malformed, or below the promised retention, is refused', async () => {
  const refused = async (...args: string[]) => {
    const { code, stderr } = await retention(...args);
    expect(code).toBe(1);
    return stderr;
  };
  expect(await refused()).toBe('retention: --older-than is missing, 30d for instance\n');
  expect(await refused('--older-than', '30')).toBe(
    'retention: --older-than is "30", it must be like 30d, 12h, 15m or 90s\n',
  );
  expect(await refused('--older-than', '11m')).toBe(
    'retention: --older-than is 11m, payments must be remembered for 665s\n',
  );
});
