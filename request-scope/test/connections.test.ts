import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import { ConnectionClosed, GracefulShutdown } from '../src/index.ts';
import { aborted, settled } from './event-loop.ts';
import { arrivalsOf, get, hearing, listen, post, read, startProbe } from './probe.ts';

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

test('a connection past its maximum age is closed by its last pending response', async () => {
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

test('a younger connection is kept alive', async () => {
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

test('it is closed even if the application sends keep-alive', async () => {
  const shutdown = new GracefulShutdown();
  await using probe = await startProbe(shutdown, { maxConnectionAgeMs: 0 });
  const client = await probe.connect(get());
  (await probe.next()).res.writeHead(200, { Connection: 'keep-alive' }).end('one');
  await once(client, 'end');
});

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

test('a connection is closed when unread pipelined responses would hide a hang-up', async () => {
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

test('a connection with a hundred pending responses is closed by the next request', async () => {
  const shutdown = new GracefulShutdown();
  await using probe = await startProbe(shutdown);
  const client = await probe.connect(get().repeat(100));
  const first = await probe.next();
  for (let count = 1; count < 100; count += 1) await probe.next();
  expect(first.scope.signal.aborted).toBe(false);
  client.write(get());
  expect(await aborted(first.scope.signal)).toBeInstanceOf(ConnectionClosed);
});

test('a request behind a response that its client has yet to read cuts off neither', async () => {
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

test('a connection is closed when a response is finished behind an unfinished one that nobody reads', async () => {
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

test('a connection is closed when an unfinished response becomes the first before a finished one', async () => {
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

test('answers every pipelined request before it closes their connection', async () => {
  const shutdown = new GracefulShutdown();
  await using probe = await startProbe(shutdown);
  const client = await probe.connect(get() + get());
  const [first, second] = [await probe.next(), await probe.next()];
  const drained = shutdown.drain(LONG_MS);
  client.write(get());
  const third = await probe.next();
  let text = '';
  client.on('data', (chunk) => {
    text += chunk;
  });
  const closed = once(client, 'end');
  for (const [index, { res, scope }] of [first, second, third].entries()) {
    expect(scope.signal.aborted).toBe(false);
    res.end(`answer ${index}`);
    scope[Symbol.dispose]();
    await settled();
  }
  await Promise.all([closed, drained]);
  expect(text.match(/answer \d/g)).toEqual(['answer 0', 'answer 1', 'answer 2']);
  expect(text.match(/Connection: close/g)).toHaveLength(1);
});

test('a response that began before the drain closes its connection too', async () => {
  const shutdown = new GracefulShutdown();
  await using probe = await startProbe(shutdown);
  probe.server.keepAliveTimeout = 0; // never
  const client = await probe.connect(get());
  const other = await probe.connect(get());
  const [first, second] = [await probe.next(), await probe.next()];
  first.res.flushHeaders();
  await once(client, 'data');
  const drained = shutdown.drain(LONG_MS);
  const closed = once(client, 'end');
  first.res.end();
  first.scope[Symbol.dispose]();
  await closed;
  second.res.end();
  second.scope[Symbol.dispose]();
  await Promise.all([once(other, 'end'), drained]);
});

test('a finished response waits for the one before it, also in a drain', async () => {
  const shutdown = new GracefulShutdown();
  await using probe = await startProbe(shutdown);
  const client = await probe.connect(get() + get());
  const [first, second] = [await probe.next(), await probe.next()];
  second.res.end('second');
  second.scope[Symbol.dispose]();
  const drained = shutdown.drain(LONG_MS);
  const answers: Buffer[] = [];
  client.on('data', (chunk) => answers.push(chunk));
  first.res.end('first');
  first.scope[Symbol.dispose]();
  await Promise.all([once(client, 'end'), drained]);
  expect(
    Buffer.concat(answers)
      .toString()
      .match(/first|second/g),
  ).toEqual(['first', 'second']);
});

test.each([
  ['a GET', get()],
  ['a POST without a body', post('')],
])('a request that begins to arrive while %s is answered is served', async (_row, text) => {
  const shutdown = new GracefulShutdown();
  const server = createServer(); // It reads no body.
  const next = arrivalsOf(server, shutdown);
  shutdown.attach(server);
  await using probe = await listen(server);
  await probe.connect(get());
  const other = await next();
  const client = await probe.connect(text);
  const heard = hearing(client);
  const first = await next();
  client.write('GET / HTTP/1.1\r\n');
  while (first.req.socket.bytesRead !== client.bytesWritten) await settled();
  first.res.end('first');
  await heard('first');
  const drained = shutdown.drain(LONG_MS);
  client.write('Host: localhost\r\n\r\n');
  const second = await next();
  second.res.end('second');
  await heard('second');
  for (const { res, scope } of [first, second, other]) {
    scope[Symbol.dispose]();
    res.end();
  }
  await drained;
});

test('an idle connection is closed, also if its last body arrived after the head', async () => {
  const shutdown = new GracefulShutdown();
  await using probe = await startProbe(shutdown);
  await probe.connect(get());
  const other = await probe.next();
  const client = await probe.connect(
    'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\n',
  );
  await probe.hasRead(client);
  client.write('body');
  const { res, scope } = await probe.next();
  const heard = hearing(client);
  res.end('answer');
  scope[Symbol.dispose]();
  await heard('answer');
  const closed = once(client, 'end');
  const drained = shutdown.drain(LONG_MS);
  await closed;
  other.res.end();
  other.scope[Symbol.dispose]();
  await drained;
});

describe('while it goes on accepting', () => {
  test('a connection that was promised keep-alive is kept, and closed by the next response', async () => {
    const shutdown = new GracefulShutdown();
    await using probe = await startProbe(shutdown);
    const client = await probe.connect(get());
    const first = await probe.next();
    first.res.flushHeaders();
    await once(client, 'data');
    const heard = hearing(client);
    shutdown.drain(LONG_MS, LONG_MS);
    first.res.end('first');
    await heard('first');
    await settled();
    client.write(get());
    const { res } = await probe.next();
    res.end('second');
    await heard('Connection: close');
    await once(client, 'end');
  });

  test.each<[string, (res: ServerResponse) => void, string]>([
    ['writeHead, by name', (res) => res.writeHead(200, { connection: 'Keep-Alive' }), 'close'],
    [
      'in a list',
      (res) => res.writeHead(200, 'OK', ['A', '1', 'Connection', 'keep-alive']),
      'close',
    ],
    ['in pairs', (res) => res.writeHead(200, [['Connection', 'keep-alive']]), 'close'],
    ['setHeader', (res) => void res.setHeader('Connection', 'keep-alive'), 'close'],
    ['nothing', (res) => void res.setHeader('A', '1'), 'close'],
    ['upgrade', (res) => res.writeHead(426, { Connection: 'upgrade' }), 'upgrade'],
  ])('%s: a response with these headers closes its connection', async (_how, say, said) => {
    const shutdown = new GracefulShutdown();
    await using probe = await startProbe(shutdown);
    const client = await probe.connect(get());
    const { res } = await probe.next();
    shutdown.drain(LONG_MS, LONG_MS);
    say(res);
    res.end('answer');
    const [answer] = await once(client, 'data');
    expect(String(answer).match(/^connection: .*/gim)).toEqual([`Connection: ${said}`]);
  });
});

describe('once it has stopped accepting, a request in transit is answered', () => {
  test.each([
    ['on a connection that is idle', get()],
    ['as the first of a connection', ''],
  ])('%s', async (_where, before) => {
    const shutdown = new GracefulShutdown();
    await using probe = await startProbe(shutdown);
    const client = await probe.connect(before);
    const heard = hearing(client);
    if (before) {
      const { res, scope } = await probe.next();
      scope[Symbol.dispose]();
      res.end('before');
      await heard('before');
      await settled();
    }
    const drained = shutdown.drain(LONG_MS);
    client.write(get());
    const { res, scope } = await probe.next();
    scope[Symbol.dispose]();
    res.end('last');
    await heard('Connection: close');
    await drained;
  });

  test('behind a response whose head was sent before', async () => {
    const shutdown = new GracefulShutdown();
    await using probe = await startProbe(shutdown);
    const client = await probe.connect(get());
    const { res, scope } = await probe.next();
    scope[Symbol.dispose]();
    res.flushHeaders();
    const heard = hearing(client);
    const drained = shutdown.drain(LONG_MS);
    res.end('first');
    await heard('first');
    client.write(get());
    const second = await probe.next();
    second.scope[Symbol.dispose]();
    second.res.end('second');
    await heard('Connection: close');
    await drained;
  });
});

test('a listener that is added later is followed too, and a server without listeners gets none', async () => {
  const shutdown = new GracefulShutdown();
  const server = createServer();
  shutdown.attach(server);
  expect(server.listenerCount('request')).toBe(0);
  server.on('request', (_req, res) => setImmediate(() => res.end('answer')));
  await using probe = await listen(server);
  const client = await probe.connect(get());
  const heard = hearing(client);
  await once(server, 'request');
  await Promise.all([heard('Connection: close'), shutdown.drain(LONG_MS)]);
});
