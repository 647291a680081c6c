import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import { GracefulShutdown } from '../src/index.ts';
import { settled } from './event-loop.ts';
import { arrivalsOf, get, hearing, listen, post, startProbe } from './probe.ts';

const LONG_MS = 60_000;

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

test('an answer that had begun before the drain closes its connection too', async () => {
  const shutdown = new GracefulShutdown();
  await using probe = await startProbe(shutdown);
  probe.server.keepAliveTimeout = 0; // for ever
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

test('an answer that is made waits for the one before it, also in a drain', async () => {
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
])('a request that has begun while %s was answered is served', async (_row, text) => {
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

test('an idle connection is closed, also where a body had come after its head', async () => {
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
  test('a connection whose answer promised to keep it is kept, and told by the next one', async () => {
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
  ])('%s: an answer that the application lets say so closes', async (_how, say, said) => {
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

describe('once it has stopped accepting, a request that is on its way is answered', () => {
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

  test('behind an answer whose head had left before', async () => {
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

test('a listener that is added later is followed as well, and a server without one gets none', async () => {
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
