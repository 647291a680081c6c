import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { pino } from 'pino';
import request from 'supertest';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { GracefulShutdown } from '#request-scope';
import { portOf } from '../../harness/port-of.ts';
import { createServiceApp, sendText } from '../src/index.ts';

let lines: Record<string, unknown>[];
const logger = pino({}, { write: (line) => lines.push(JSON.parse(line)) });
const app = createServiceApp(logger, new GracefulShutdown(), undefined, (routes) => {
  routes.post('/task', (_req, res) => {
    sendText(res, 'done');
  });
});

beforeEach(() => {
  lines = [];
});

describe('a body that nobody needs', () => {
  const MEGABYTE = 1024 * 1024;

  test('of 8 MB is drained', async () => {
    await request(app)
      .post('/task')
      .send(Buffer.alloc(8 * MEGABYTE))
      .expect(200, 'done\n');
  });

  test.each([
    ['announced', (length: number) => `Content-Length: ${length}\r\n\r\n`],
    ['chunked', (length: number) => `Transfer-Encoding: chunked\r\n\r\n${length.toString(16)}\r\n`],
  ])('of more is answered 413 and the connection closes (%s)', async (_row, head) => {
    const server = createServer(app);
    await once(server.listen(0), 'listening');
    const client = connect(portOf(server));
    client.on('error', () => {});
    client.write(`POST /task HTTP/1.1\r\nHost: localhost\r\n${head(9 * MEGABYTE)}`);
    client.write(Buffer.alloc(8 * MEGABYTE + 1));
    const [answer] = await once(client, 'data');
    expect(String(answer)).toMatch(
      /^HTTP\/1.1 413 [\s\S]*Connection: close[\s\S]*Body is too large\n$/,
    );
    if (!client.closed) await new Promise((resolve) => client.once('close', resolve));
    server.close();
  });

  test.each([
    ['its budget is spent', 'x-envoy-expected-rq-timeout-ms: 20\r\n', false],
    ['the service has waited long enough', '', true],
  ])('is answered 408 if it is still arriving when %s', async (_row, header, leaves) => {
    const shutdown = new GracefulShutdown();
    const server = createServer(createServiceApp(logger, shutdown, undefined, () => {}));
    shutdown.attach(server);
    await once(server.listen(0), 'listening');
    const client = connect(portOf(server));
    client.write(
      `POST /task HTTP/1.1\r\nHost: localhost\r\n${header}Content-Length: 10\r\n\r\n12345`,
    );
    await once(server, 'request');
    if (leaves) shutdown.drain(0);
    const [answer] = await once(client, 'data');
    expect(String(answer)).toMatch(
      /^HTTP\/1.1 408 [\s\S]*Connection: close[\s\S]*Request canceled\n$/,
    );
    client.destroy();
    await shutdown.drain(0);
  });

  test('is not logged when the client leaves in the middle of it', async () => {
    const server = createServer(app);
    await once(server.listen(0), 'listening');
    const client = connect(portOf(server));
    client.write('POST /task HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n12345');
    const [req] = await once(server, 'request');
    const ended: unknown[] = [];
    const listener = (message: unknown) => ended.push(message);
    subscribe('request-scope:ended', listener);
    onTestFinished(() => void unsubscribe('request-scope:ended', listener));
    client.destroy();
    await new Promise((resolve) => req.socket.once('close', resolve));
    await new Promise((resolve) => server.close(resolve));
    expect(lines).toEqual([]);
    expect(ended).toHaveLength(1); // And no scope is left.
  });
});
