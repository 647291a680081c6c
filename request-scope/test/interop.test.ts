import { once } from 'node:events';
import { createServer } from 'node:http';
import { expect, test } from 'vitest';
import { ClientDisconnected, causeOf, DeadlineExceeded, Scope } from '../src/index.ts';
import { budget } from './adapter-contract.ts';
import { aborted } from './event-loop.ts';
import { arrivalsOf, get, listen, startProbe } from './probe.ts';

// The cases of gRPC's interoperability tests that are about cancellation, by their names there.

test('cancel_after_begin: the client leaves before it has sent its body', async () => {
  const server = createServer();
  const next = arrivalsOf(server);
  await using listening = await listen(server);
  const client = await listening.connect(
    'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n',
  );
  const { scope } = await next();
  client.destroy();
  expect(await aborted(scope.signal)).toBeInstanceOf(ClientDisconnected);
});

test('cancel_after_first_response: the client leaves in the middle of the answer', async () => {
  await using probe = await startProbe();
  const client = await probe.connect(get());
  const { scope, res } = await probe.next();
  res.write('first');
  await once(client, 'data');
  expect(scope.signal.aborted).toBe(false);
  client.destroy();
  expect(await aborted(scope.signal)).toBeInstanceOf(ClientDisconnected);
});

test('timeout_on_sleeping_server: the caller stops at its deadline', async () => {
  await using probe = await startProbe();
  using caller = new Scope();
  using call = caller.child(20);
  const answer = fetch(`http://127.0.0.1:${probe.port}/`, { signal: call.signal });
  const error = await answer.catch((reason: unknown) => reason);
  expect(causeOf(error, call)).toBeInstanceOf(DeadlineExceeded);
});

test('timeout_on_sleeping_server: the server stops by itself, without a hang-up', async () => {
  await using probe = await startProbe();
  await probe.connect(get(budget(10)));
  const { scope } = await probe.next();
  expect(await aborted(scope.signal)).toBeInstanceOf(DeadlineExceeded);
});
