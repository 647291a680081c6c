import { ClientDisconnected, Scope } from 'request-scope';
import { expect, test } from 'vitest';
import { createPool } from '../src/index.ts';
import { useServer } from './server.ts';

const server = useServer();

test('close waits for those at work and those in line, refuses others, and leaves no connection', async () => {
  const name = 'closing';
  const pool = createPool(`${server.postgres.url}?application_name=${name}`, { maxConnections: 1 });
  using scope = new Scope();
  const canceled = pool.query('select pg_sleep(3600)', [], scope);
  await server.runs('select pg_sleep(3600)');
  const waiting = pool.query('select 1 as one');
  const closed = pool.close();
  await expect(pool.query('select 1')).rejects.toThrow('the pool is closed');
  scope.abort(new ClientDisconnected());
  await expect(canceled).rejects.toThrow(ClientDisconnected);
  expect((await waiting).rows).toEqual([{ one: 1 }]);
  await closed;
  await pool.close();
  await server.leaves(name);
});
