import { once } from 'node:events';
import type { RequestListener, Server } from 'node:http';
import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { sendRaw, statusOf } from '../../harness/clients.ts';
import { portOf } from '../../harness/network.ts';
import { createLimitedServer, cutUnreadAnswers } from '../src/limits.ts';

const GET = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n';

let server: Server;
afterEach(() => server.close().closeAllConnections());

async function listen(listener: RequestListener): Promise<void> {
  server = createLimitedServer(listener);
  await once(server.listen(0, '127.0.0.1'), 'listening');
}

/** A client that has sent a request and reads nothing. */
function unreadClient() {
  const socket = connect(portOf(server), '127.0.0.1').pause();
  socket.on('error', () => {});
  socket.write(GET);
  return socket;
}

describe('a pending answer', () => {
  const BIG_BYTES = 20_000_000;

  test('is cut when its client has read nothing for the timeout, and not much later', async () => {
    const timeoutMs = 1_000;
    await listen((_req, res) => res.end(Buffer.alloc(BIG_BYTES)));
    cutUnreadAnswers(server, timeoutMs);
    const client = unreadClient();
    const [req] = await once(server, 'request');
    const startedAt = performance.now();
    await once(req.socket, 'close');
    const elapsedMs = performance.now() - startedAt;
    expect(elapsedMs).toBeGreaterThan(timeoutMs * 0.95);
    expect(elapsedMs).toBeLessThan(timeoutMs * 1.9); // A timeout that starts again at the first read would double it.
    client.destroy();
  });

  test('is not cut while its client reads slowly', async () => {
    await listen((_req, res) => res.end(Buffer.alloc(BIG_BYTES)));
    cutUnreadAnswers(server, 400);
    const client = unreadClient();
    const closed = once(client, 'close');
    let bytes = 0;
    client.on('data', (chunk) => {
      bytes += chunk.length;
      if (bytes >= BIG_BYTES) client.destroy();
      // In all, twice as long as the timeout.
      client.pause();
      setTimeout(() => client.resume(), (800 * chunk.length) / BIG_BYTES);
    });
    client.resume();
    await closed;
    expect(bytes).toBeGreaterThanOrEqual(BIG_BYTES);
  });

  test('is not cut while it is being made', async () => {
    await listen((req, res) => {
      if (req.url === '/slow') once(server, 'cut').then(() => res.end('in my own time'));
      else res.end(Buffer.alloc(BIG_BYTES));
    });
    cutUnreadAnswers(server, 50);
    const slow = fetch(`http://127.0.0.1:${portOf(server)}/slow`);
    await once(server, 'request');
    for (let round = 0; round < 3; round += 1) {
      const client = unreadClient();
      const [req] = await once(server, 'request');
      await once(req.socket, 'close');
      client.destroy();
    }
    server.emit('cut');
    expect(await (await slow).text()).toBe('in my own time');
  });
});

describe('the headers of a request', () => {
  const asks = (headers: string) =>
    sendRaw(portOf(server), `GET / HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n\r\n`);

  test.each([1_996, 1_997, 1_998, 1_999, 2_000, 4_000, 16_000])(
    'arrive behind %i others',
    async (count) => {
      await listen(({ headers }, res) => res.end(`${headers['x-last']}`));
      const answer = await asks(
        `${'a:\r\n'.repeat(count)}X-Last: 1\r\nX-Last: 2\r\nConnection: close`,
      );
      expect(answer).toMatch(/^HTTP\/1.1 200 .*\r\n\r\n1, 2$/s);
    },
  );

  test('are answered 431 if they are too large', async () => {
    await listen((_req, res) => res.end());
    expect(statusOf(await asks('a:\r\n'.repeat(17_000)))).toBe(431);
  });
});
