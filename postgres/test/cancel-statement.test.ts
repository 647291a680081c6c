import { getEventListeners, once } from 'node:events';
import { connect, createServer } from 'node:net';
import { ClientDisconnected, Scope } from 'request-scope';
import { expect, test } from 'vitest';
import { portOf } from '../../harness/port-of.ts';
import { stop } from '../src/cancel-statement.ts';
import { Connection, clientConfig } from '../src/connection.ts';
import { createPool } from '../src/index.ts';
import { Turns } from '../src/semaphore.ts';
import { useServer } from './server.ts';

const LONG = 'select pg_sleep(3600)';

const server = useServer();

test('answers a query', async () => {
  await using pool = createPool(server.postgres.url, { maxConnections: 1 });
  using scope = new Scope(60_000);
  const { rows } = await pool.query('select $1::int + 1 as sum', [1], scope);
  expect(rows).toEqual([{ sum: 2 }]);
  expect(getEventListeners(scope.signal, 'abort')).toEqual([]);
});

test('stops the statement in the database when the scope aborts, and leaves nothing', async () => {
  await using pool = createPool(server.postgres.url, { maxConnections: 1 });
  using scope = new Scope();
  const query = pool.query(LONG, [], scope);
  await server.runs(LONG);
  const reason = new ClientDisconnected();
  scope.abort(reason);
  await expect(query).rejects.toBe(reason);
  await server.stops(LONG);
  expect(await pool.query('select 1 as next')).toMatchObject({ rows: [{ next: 1 }] });
  expect(getEventListeners(scope.signal, 'abort')).toEqual([]);
});

test('stops many at once', async () => {
  await using pool = createPool(server.postgres.url, { maxConnections: 20 });
  using scope = new Scope();
  const queries = Promise.allSettled(Array.from({ length: 20 }, () => pool.query(LONG, [], scope)));
  await server.runs(LONG, 20);
  scope.abort(new ClientDisconnected());
  expect(new Set((await queries).map(({ status }) => status))).toEqual(new Set(['rejected']));
  await server.stops(LONG);
});

test('sends nothing under a scope that has aborted', async () => {
  await using pool = createPool('postgres://127.0.0.1:1/nowhere', { maxConnections: 1 });
  using scope = new Scope();
  const reason = new ClientDisconnected();
  scope.abort(reason);
  await expect(pool.query(LONG, [], scope)).rejects.toBe(reason);
});

test('does not wait for a connection that takes long to open', async () => {
  const silent = createServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const url = `postgres://postgres@127.0.0.1:${portOf(silent)}/postgres`;
  await using pool = createPool(url, { maxConnections: 1, connectTimeoutMs: 500 });
  using scope = new Scope();
  const query = pool.query(LONG, [], scope);
  const [socket] = await once(silent, 'connection');
  socket.on('error', () => {});
  const reason = new ClientDisconnected();
  scope.abort(reason);
  await expect(query).rejects.toBe(reason);
  const next = pool.query('select 1');
  await expect(next).rejects.toMatchObject({ name: 'DatabaseUnavailable', code: 'timeout' });
  silent.close();
});

test('repeats a cancel that came before its statement had begun', async () => {
  await using client = await connection(server.postgres.url);
  const turns = new Turns(1, 0, 60_000);
  const firstCancel = new Promise<void>((resolve) => {
    const end = turns.end.bind(turns);
    turns.end = () => {
      end();
      resolve();
    };
  });
  const answer = firstCancel.then(() => client.query(LONG));
  const stopped = stop(client, answer, turns, 60_000);
  await expect(answer).rejects.toMatchObject({ code: '57014' });
  await stopped;
});

test('closes the connection where no cancel can be sent, and the server stops by itself', async () => {
  const { port } = new URL(server.postgres.url);
  const relay = createServer((near) => near.pipe(connect(Number(port))).pipe(near));
  await once(relay.listen(0, '127.0.0.1'), 'listening');
  await using client = await connection(`postgres://postgres@127.0.0.1:${portOf(relay)}/postgres`);
  relay.close();
  const answer = client.query(LONG);
  await server.runs(LONG);
  const stopped = stop(client, answer, new Turns(1, 0, 60_000), 60_000);
  await expect(answer).rejects.toThrow('Connection terminated');
  await stopped;
  await server.stops(LONG);
});

test('a cancel names the session by its key, so that no other server takes it for one of its own', async () => {
  const { port } = new URL(server.postgres.url);
  const asked: Buffer[] = [];
  let isSwitchedOver = false;
  const relay = createServer((near) => {
    if (!isSwitchedOver) near.pipe(connect(Number(port))).pipe(near);
    else near.on('data', (bytes) => asked.push(bytes) && near.destroy());
  });
  await once(relay.listen(0, '127.0.0.1'), 'listening');
  await using client = await connection(`postgres://postgres@127.0.0.1:${portOf(relay)}/postgres`);
  isSwitchedOver = true;
  const answer = client.query(LONG);
  const stopped = stop(client, answer, new Turns(1, 0, 60_000), 500);
  await expect(answer).rejects.toThrow('Connection terminated');
  await stopped;
  relay.close();
  const [first] = asked;
  expect(first?.readInt32BE(8)).toBe(client.processID);
  expect(first?.readInt32BE(12)).toBe(client.secretKey);
  await server.stops(LONG);
});

async function connection(url: string) {
  const client = new Connection(clientConfig(url, {}));
  await client.connect();
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.end() });
}
