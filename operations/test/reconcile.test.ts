import { beforeEach, expect, test } from 'vitest';
import { useServer } from '../../harness/use-server.ts';
import { testDatabase } from '../../postgres/test/test-database.ts';
import { ATTEMPTS, PAYMENTS } from '../tables.ts';
import { runCommand } from './run-command.ts';

const server = useServer();

const reconcile = (url = server.postgres.url) => runCommand('reconcile', [], { DATABASE_URL: url });
const attempt = (key: string, status: string, isOpen: boolean, age = '1 minute') =>
  server.ask(
    `insert into attempts (payment_key, caller_key, product_id, order_id, request_id, status, is_open, expires_at, begun_at)
    values ($1, 'of ' || $1, '1', 'X', 'r', $2, $3, now(), now() - $4::interval)`,
    [key, status, isOpen, age],
  );
const payment = (key: string, status: string, age = '1 minute') =>
  server.ask(
    "insert into payments (payment_key, order_id, status, updated_at) values ($1, 'X', $2, now() - $3::interval)",
    [key, status, age],
  );

beforeEach(async () => {
  if (!server.isThere) return;
  for (const table of [ATTEMPTS, PAYMENTS]) {
    await using _database = await testDatabase(server.postgres.url, table);
  }
  await server.ask('truncate attempts, payments');
});

test('attempts and payments that agree are no findings, and a role that may only read suffices', async () => {
  await attempt('processed', 'processed', false);
  await payment('processed', 'processed');
  await attempt('failed', 'failed', false);
  await payment('failed', 'voided');
  await attempt('never-paid', 'failed', false);
  await attempt('in progress', 'in-flight', true);
  await payment('in progress', 'pending');
  await attempt('committing', 'in-flight', true);
  await payment('committing', 'processed');
  await payment('without a key', 'processed');
  await server.ask('create role reader login');
  await server.ask('grant usage on schema orders to reader');
  await server.ask('grant select on all tables in schema orders to reader');
  const reader = server.postgres.url.replace('postgres@', 'reader@');
  expect(await reconcile(reader)).toEqual({ code: 0, stdout: '', stderr: '0 found\n' });
});

test('each difference is found, and the exit code is 2', async () => {
  await attempt('charged', 'failed', false);
  await payment('charged', 'processed');
  await attempt('voided', 'processed', false);
  await payment('voided', 'voided');
  await attempt('lost', 'processed', false, '2 minutes');
  await attempt('forgotten', 'in-flight', true, '1 hour');
  await payment('stuck', 'pending', '1 hour');
  const { code, stdout, stderr } = await reconcile();
  const findings = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(findings).toMatchObject([
    {
      finding: 'charged-though-failed',
      paymentKey: 'charged',
      callerKey: 'of charged',
      orderID: 'X',
    },
    { finding: 'processed-not-charged', paymentKey: 'lost', paymentStatus: null },
    { finding: 'processed-not-charged', paymentKey: 'voided', paymentStatus: 'voided' },
    { finding: 'payment-pending', paymentKey: 'stuck', orderID: 'X' },
    { finding: 'attempt-open', paymentKey: 'forgotten', status: 'in-flight' },
  ]);
  expect([code, stderr]).toEqual([2, '5 found\n']);
});

test('without the tables it fails with one line, and creates none', async () => {
  await server.ask('create database empty');
  const { code, stderr } = await reconcile(server.postgres.url.replace(/postgres$/, 'empty'));
  expect([code, stderr]).toEqual([
    1,
    'reconcile: the tables of schema orders do not exist yet, or have an earlier version: run npm run migrate\n',
  ]);
});
