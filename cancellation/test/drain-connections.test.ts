import { once } from 'node:events';
import { createServer } from 'node:http';
import { expect, test } from 'vitest';
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
