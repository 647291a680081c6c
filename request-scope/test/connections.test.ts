import { once } from 'node:events';
import { expect, test } from 'vitest';
import { GracefulShutdown } from '../src/index.ts';
import { settled } from './event-loop.ts';
import { get, hearing, read, startProbe } from './probe.ts';

const LONG_MS = 60_000;
const BIG_BYTES = 20_000_000;

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

test('one that has its age is closed, although the application lets its answers keep it', async () => {
  const shutdown = new GracefulShutdown();
  await using probe = await startProbe(shutdown, { maxConnectionAgeMs: 0 });
  const client = await probe.connect(get());
  (await probe.next()).res.writeHead(200, { Connection: 'keep-alive' }).end('one');
  await once(client, 'end');
});
