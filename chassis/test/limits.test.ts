import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { connect } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { portOf } from '../../harness/port-of.ts';
import { cutUnreadAnswers } from '../src/limits.ts';

const TIMEOUT_MS = 50;

let server: Server;
afterEach(() => server.close().closeAllConnections());

/** A client of a server whose answers may be left unread for 50 ms. */
async function client(listener: RequestListener) {
  server = createServer(listener);
  cutUnreadAnswers(server, TIMEOUT_MS);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const socket = connect(portOf(server), '127.0.0.1');
  socket.on('error', () => {});
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  return socket;
}

test('a connection is closed whose client reads nothing of its answer', async () => {
  const socket = await client((_req, res) => res.end(Buffer.alloc(20_000_000)));
  socket.pause();
  const [req] = await once(server, 'request');
  await once(req.socket, 'close');
  socket.destroy();
});

test('one whose answer is still being made is not', async () => {
  const socket = await client((_req, res) => {
    res.once('timeout', () => res.end('in my own time'));
  });
  const [answer] = await once(socket, 'data');
  expect(String(answer)).toContain('in my own time');
});
