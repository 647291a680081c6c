import { once } from 'node:events';
import { expect, test } from 'vitest';
import { ConnectionClosed, GracefulShutdown } from '../src/index.ts';
import { aborted, settled } from './event-loop.ts';
import { get, read, startProbe } from './probe.ts';

const BIG_BYTES = 20_000_000;

/** A client that has read nothing yet of a first answer, which is backed up. */
async function backedUp(probe: Awaited<ReturnType<typeof startProbe>>) {
  const client = await probe.connect(get());
  client.pause();
  const first = await probe.next();
  while (!first.req.socket.writableNeedDrain) {
    first.res.write(Buffer.alloc(1_000_000));
    await settled();
  }
  return { client, first };
}

test('behind answers that nobody has read no hang-up is seen: the connection is closed', async () => {
  const shutdown = new GracefulShutdown();
  await using probe = await startProbe(shutdown);
  const client = await probe.connect(get());
  client.pause();
  const first = await probe.next();
  for (let count = 0; count < 90 && !first.req.socket.destroyed; count += 1) {
    client.write(get());
    const arrival = await Promise.race([probe.next(), aborted(first.scope.signal)]);
    if (arrival instanceof Error) break;
    (arrival as typeof first).res.end('x'.repeat(2_000));
  }
  client.destroy();
  expect(await aborted(first.scope.signal)).toBeInstanceOf(ConnectionClosed);
});

test('pipelined answers that fill a buffer all reach a client that reads', async () => {
  const shutdown = new GracefulShutdown();
  await using probe = await startProbe(shutdown);
  probe.server.prependListener('request', (_req, res) => res.end('x'.repeat(100_000)));
  const client = await probe.connect();
  const received = read(client);
  client.write(get().repeat(2) + get('Connection: close\r\n'));
  expect(await received).toBeGreaterThan(300_000);
});

test('a connection that owes a hundred answers is closed by the next request', async () => {
  const shutdown = new GracefulShutdown();
  await using probe = await startProbe(shutdown);
  const client = await probe.connect(get().repeat(100));
  const first = await probe.next();
  for (let count = 1; count < 100; count += 1) await probe.next();
  expect(first.scope.signal.aborted).toBe(false);
  client.write(get());
  expect(await aborted(first.scope.signal)).toBeInstanceOf(ConnectionClosed);
});

test('a request behind an answer that its client has yet to read cuts neither', async () => {
  const shutdown = new GracefulShutdown();
  await using probe = await startProbe(shutdown);
  const { client, first } = await backedUp(probe);
  client.write(get('Connection: close\r\n'));
  const second = await probe.next();
  expect(first.scope.signal.aborted).toBe(false);
  first.res.end(Buffer.alloc(BIG_BYTES));
  second.res.end();
  expect(await read(client.resume())).toBeGreaterThan(BIG_BYTES);
});

test('so is one behind whose first answer another was made while nobody read', async () => {
  const shutdown = new GracefulShutdown();
  await using probe = await startProbe(shutdown);
  const { client, first } = await backedUp(probe);
  client.write(get());
  const second = await probe.next();
  second.res.end('x'.repeat(100_000));
  client.resume();
  await Promise.race([once(client, 'end'), once(first.req.socket, 'drain')]);
  client.destroy();
  expect(await aborted(first.scope.signal)).toBeInstanceOf(ConnectionClosed);
});

test('so is one on which an answer comes to be the first before one that waits', async () => {
  const shutdown = new GracefulShutdown();
  await using probe = await startProbe(shutdown);
  const { client, first } = await backedUp(probe);
  first.res.end();
  client.write(get() + get());
  const [second, third] = [await probe.next(), await probe.next()];
  third.res.end('x'.repeat(200_000));
  const finished = once(first.res, 'finish');
  client.resume();
  await finished;
  client.destroy();
  expect(await aborted(second.scope.signal)).toBeInstanceOf(ConnectionClosed);
});
