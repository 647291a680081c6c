import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import { startGate } from '../../demo/live/gate.ts';
import { send } from '../../harness/clients.ts';
import { Feed } from '../../harness/feed.ts';
import { portOf } from '../../harness/network.ts';

const ended: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0)) await end();
});

const WORKERS = 2;

/** A gate in front of a service that answers when the test does so. */
async function startPayments() {
  const arrived = new Feed<{ req: IncomingMessage; res: ServerResponse }>();
  const service = createServer((req, res) => arrived.push({ req, res }));
  await once(service.listen(0, '127.0.0.1'), 'listening');
  const changes = new Feed<string>();
  const gate = await startGate({
    workers: WORKERS,
    workMs: 60_000, // No worker is free because of the time.
    onChange: () => changes.push(stateOf(gate)),
  });
  gate.port = portOf(service);
  ended.push(async () => {
    await gate[Symbol.asyncDispose]();
    service.closeAllConnections();
    await once(service.close(), 'close');
  });
  const call = (id: string, path = '/pay') =>
    send(`${gate.url}${path}?orderID=${id}`, { method: 'POST', headers: { 'x-request-id': id } });
  const isOf = (id: string) => (item: { req: IncomingMessage }) =>
    item.req.headers['x-request-id'] === id;
  return {
    gate,
    call,
    arrived,
    arrival: (id: string) => arrived.next(isOf(id)),
    /** Resolves when it has come to this state for the `count`th time. */
    until: (state: string, count = 1) => changes.next((change) => change === state, count),
  };
}

/** The workers, then the queue: `a- | c`. */
const stateOf = ({
  workers,
  queue,
}: Pick<Awaited<ReturnType<typeof startGate>>, 'workers' | 'queue'>) =>
  `${workers.map((id) => id ?? '-').join('')} | ${queue.join('')}`;

/** Two payments that keep both workers busy, and a third in the queue. */
async function startBusy() {
  const payments = await startPayments();
  const { call, until } = payments;
  const first = call('a');
  await until('a- | ');
  call('b');
  await until('ab | ');
  const third = call('c');
  await until('ab | c');
  return { ...payments, first, third };
}

test('as many payments as there are workers reach the service, and the next one when one is answered', async () => {
  const { gate, first, call, arrival, arrived, until } = await startBusy();
  call('d');
  await until('ab | cd');
  const { res } = await arrival('a');
  res.end('charged');
  expect(await first.answer).toMatchObject({ status: 200, body: 'charged' });
  await until('cb | d');
  await arrival('c');
  expect(arrived.items).toHaveLength(WORKERS + 1);
  expect(gate.isIdle).toBe(false);
});

test('a payment whose caller hangs up leaves the queue and never reaches the service', async () => {
  const { gate, third, arrival, arrived, until } = await startBusy();
  third.hangUp();
  await until('ab | ', 2);
  for (const id of ['a', 'b']) (await arrival(id)).res.end();
  await until('-- | ');
  expect(arrived.items).toHaveLength(2);
  await expect.poll(() => gate.isIdle).toBe(true);
});

test('a hang-up reaches the service, and the worker is free once the service has logged the end', async () => {
  const { gate, first, arrival } = await startBusy();
  const { res } = await arrival('a');
  first.hangUp();
  await once(res, 'close');
  expect(stateOf(gate)).toBe('ab | c');
  gate.release('a');
  expect(stateOf(gate)).toBe('cb | ');
  gate.release('a');
  expect(stateOf(gate)).toBe('cb | ');
});

test('a void passes while all workers are busy', async () => {
  const { call, arrived, until } = await startPayments();
  call('a');
  await until('a- | ');
  call('b');
  await until('ab | ');
  const pending = call('a', '/void');
  const { res } = await arrived.next(({ req }) => req.url?.startsWith('/void') === true);
  res.end('voided');
  expect((await pending.answer).body).toBe('voided');
});
