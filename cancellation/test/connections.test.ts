import { once } from 'node:events';
import type { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { ClientDisconnected, GracefulShutdown } from '../src/index.ts';
import { aborted, settled } from './event-loop.ts';
import { get, hearing, startProbe } from './probe.ts';

const LONG_MS = 60_000;
const BIG_BYTES = 20_000_000;

async function read(client: Socket): Promise<number> {
  let bytes = 0;
  client.on('data', (chunk) => {
    bytes += chunk.length;
  });
  await once(client, 'end');
  return bytes;
}

test('a drain waits for the bytes of an answer, not for its end()', async () => {
  const shutdown = new GracefulShutdown();
  await using probe = await startProbe(shutdown);
  const client = await probe.connect(get());
  client.pause();
  const { res, scope } = await probe.next();
  res.end(Buffer.alloc(BIG_BYTES));
  scope[Symbol.dispose]();
  let isDrained = false;
  const drained = shutdown.drain(LONG_MS).then(() => {
    isDrained = true;
  });
  await settled();
  expect(isDrained).toBe(false);
  expect(await read(client.resume())).toBeGreaterThan(BIG_BYTES);
  await drained;
});

test('a hang-up is seen behind answers that nobody has read', async () => {
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
  expect(await aborted(first.scope.signal)).toBeInstanceOf(ClientDisconnected);
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
  expect(await aborted(first.scope.signal)).toBeInstanceOf(ClientDisconnected);
});

test('a request that expects 100 Continue is waited for as well', async () => {
  const shutdown = new GracefulShutdown();
  await using probe = await startProbe(shutdown, { checkContinue: true });
  const client = await probe.connect(get('Expect: 100-continue\r\n'));
  const { res } = await probe.next();
  const received = read(client);
  let isDrained = false;
  const drained = shutdown.drain(LONG_MS).then(() => {
    isDrained = true;
  });
  await settled();
  expect(isDrained).toBe(false);
  res.end('patience');
  expect(await received).toBeGreaterThan(0);
  await drained;
});

test('an upgraded connection is closed at the end of the drain', async () => {
  const shutdown = new GracefulShutdown();
  await using probe = await startProbe(shutdown);
  probe.server.on('upgrade', (_req, socket) => socket.write('HTTP/1.1 101 Switching\r\n\r\n'));
  const client = await probe.connect(get('Connection: upgrade\r\nUpgrade: x\r\n'));
  await once(client, 'data');
  const closed = once(client, 'end');
  await Promise.all([closed, shutdown.drain(LONG_MS)]);
});

test('a connection that has its age is closed by the last answer that it owes', async () => {
  const shutdown = new GracefulShutdown();
  await using probe = await startProbe(shutdown, { maxConnectionAgeMs: 0 });
  const client = await probe.connect(get() + get());
  const answers: Buffer[] = [];
  client.on('data', (chunk) => answers.push(chunk));
  const [first, second] = [await probe.next(), await probe.next()];
  second.res.end('two');
  first.res.end('one');
  await once(client, 'end');
  const closing = /^Connection: \S+/gm;
  expect(Buffer.concat(answers).toString().match(closing)).toEqual([
    'Connection: keep-alive',
    'Connection: close',
  ]);
});

test('a younger connection is kept', async () => {
  const shutdown = new GracefulShutdown();
  await using probe = await startProbe(shutdown, { maxConnectionAgeMs: LONG_MS });
  const client = await probe.connect(get());
  const heard = hearing(client);
  (await probe.next()).res.end('one');
  await heard('one');
  client.write(get());
  (await probe.next()).res.end('two');
  await heard('two');
});

test('a request behind an answer that its client has yet to read cuts neither', async () => {
  const shutdown = new GracefulShutdown();
  await using probe = await startProbe(shutdown);
  const client = await probe.connect(get());
  client.pause();
  const first = await probe.next();
  while (!first.req.socket.writableNeedDrain) {
    first.res.write(Buffer.alloc(1_000_000));
    await settled();
  }
  client.write(get('Connection: close\r\n'));
  const second = await probe.next();
  expect(first.scope.signal.aborted).toBe(false);
  first.res.end(Buffer.alloc(BIG_BYTES));
  second.res.end();
  expect(await read(client.resume())).toBeGreaterThan(BIG_BYTES);
});
