import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { portOf } from '../../harness/network.ts';
import { useServer } from '../../harness/use-server.ts';
import { cancelStatement } from '../src/cancel-statement.ts';
import { Connection, clientConfig } from '../src/connection.ts';
import { createPool } from '../src/index.ts';
import { Semaphore } from '../src/semaphore.ts';
import { cancelEach } from './cancel-each.ts';

const LONG = 'select pg_sleep(3600)';

const server = useServer();

test('it repeats a cancel that arrived before its statement had begun', async () => {
  await using client = await connection(server.postgres.url);
  const cancels = new Semaphore(1);
  const firstCancel = new Promise<void>((resolve) => {
    const release = cancels.release.bind(cancels);
    cancels.release = () => {
      release();
      resolve();
    };
  });
  const answer = firstCancel.then(() => client.query(LONG));
  const stopped = cancelStatement(client, answer, cancels, 60_000);
  await expect(answer).rejects.toMatchObject({ code: '57014' });
  await stopped;
});

test('it closes the connection if no cancel can be sent, and the server ends the statement itself', async () => {
  const { port } = new URL(server.postgres.url);
  const relay = createServer((near) => near.pipe(connect(Number(port))).pipe(near));
  await once(relay.listen(0, '127.0.0.1'), 'listening');
  await using client = await connection(`postgres://postgres@127.0.0.1:${portOf(relay)}/postgres`);
  relay.close();
  const answer = client.query(LONG);
  await server.runs(LONG);
  const stopped = cancelStatement(client, answer, new Semaphore(1), 60_000);
  await expect(answer).rejects.toThrow('Connection terminated');
  await stopped;
  await server.stops(LONG);
});

test('it closes the connection in time if too many other cancels are under way', async () => {
  await using client = await connection(server.postgres.url);
  const cancels = new Semaphore(1);
  await cancels.acquire();
  const answer = client.query(LONG);
  await server.runs(LONG);
  const stopped = cancelStatement(client, answer, cancels, 100);
  await expect(answer).rejects.toThrow('Connection terminated');
  await stopped;
  await server.stops(LONG);
});

test('a cancel carries the key of its session, so no other server takes it for its own', async () => {
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
  const stopped = cancelStatement(client, answer, new Semaphore(1), 500);
  await expect(answer).rejects.toThrow('Connection terminated');
  await stopped;
  relay.close();
  const [first] = asked;
  expect(first?.readInt32BE(8)).toBe(client.processID);
  expect(first?.readInt32BE(12)).toBe(client.secretKey);
  await server.stops(LONG);
});

test('no cancel stops the next statement on its connection', async () => {
  const moment = fc.double({ min: 2, max: 4, noNaN: true });
  const momentsMs = fc.sample(fc.noBias(moment), { numRuns: 300, seed: 7 });
  await using pool = createPool(server.postgres.url, { maxConnections: 1 });
  const { canceled, finished, killed } = await cancelEach(pool, momentsMs);
  expect(killed).toEqual([]);
  expect(canceled + finished).toBe(300);
  expect(canceled).toBeGreaterThan(0);
});

async function connection(url: string) {
  const client = new Connection(clientConfig(url, {}));
  await client.connect();
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.end() });
}
