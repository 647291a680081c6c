import { Client } from 'pg';
import { pino } from 'pino';
import { Scope } from 'request-scope';
import { expect, test } from 'vitest';
import { testDatabase } from '../../../postgres/test/test-database.ts';
import { ATTEMPTS, PostgresAttempts } from '../../src/attempts/postgres.ts';
import { useReplicas } from '../replicas-under-test.ts';

const orders = useReplicas();
const { server } = orders;
const log = pino({ level: 'silent' });
const ids = { productID: '1', orderID: '2', paymentKey: '3', requestId: '4' };

test.each([
  ['is lost', 'delete from attempts', true],
  ['says in flight', 'select 1', true],
  ['says processed', "update attempts set status = 'processed'", false],
])('an attempt whose record %s may be called failed: %s', async (_row, change, expected) => {
  const attempts = new PostgresAttempts(orders.database, 60_000);
  using scope = new Scope();
  const order = { ...ids, callerKey: 'mine', log };
  expect(await attempts.begin(order, scope)).toBe('begun');
  await server.ask(change);
  expect(await attempts.fail(order)).toBe(expected);
});

test('a start waits for nobody who writes', async () => {
  const other = new Client(server.postgres.url);
  await other.connect();
  await other.query(`begin; insert into orders.attempts (payment_key, product_id, order_id, request_id, expires_at)
    values ('1', '2', '3', '4', now())`);
  await using _started = await testDatabase(server.postgres.url, ATTEMPTS);
  await other.end();
});
