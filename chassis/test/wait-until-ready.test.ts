import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import express, { type Response } from 'express';
import { pino } from 'pino';
import { GracefulShutdown } from 'request-scope';
import { scopeOf, scopes } from 'request-scope/express';
import { expectNothingLeft, openRequest } from 'request-scope/testing';
import request from 'supertest';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { openRaw } from '../../harness/clients.ts';
import { portOf } from '../../harness/network.ts';
import { createServiceApp, sendText } from '../src/index.ts';
import { createLimitedServer } from '../src/limits.ts';
import { waitUntilReady } from '../src/wait-until-ready.ts';

let lines: Record<string, unknown>[];
const logger = pino({}, { write: (line) => lines.push(JSON.parse(line)) });
const app = createServiceApp({ logger }, (routes) => {
  routes.post('/task', (_req, res) => {
    sendText(res, 'done');
  });
});

beforeEach(() => {
  lines = [];
});

describe('the body of a request', () => {
  const MEGABYTE = 1024 * 1024;

  test('is read up to 8 MB', async () => {
    await request(app)
      .post('/task')
      .send(Buffer.alloc(8 * MEGABYTE))
      .expect(200, 'done\n');
  });

  test.each([
    ['announced', (length: number) => `Content-Length: ${length}\r\n\r\n`],
    ['chunked', (length: number) => `Transfer-Encoding: chunked\r\n\r\n${length.toString(16)}\r\n`],
  ])('is answered 413 if it is larger, and the connection closes (%s)', async (_row, head) => {
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
    ['the shutdown timeout has passed', '', true],
  ])('is answered 408 if it is still arriving when %s', async (_row, header, leaves) => {
    const shutdown = new GracefulShutdown();
    const server = createServer(createServiceApp({ logger, shutdown }, () => {}));
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

  test('leaves no line and no scope when the client hangs up in the middle', async () => {
    const half = { method: 'POST', headers: { 'Content-Length': '10' }, body: '12345' };
    await expectNothingLeft(async () => {
      const task = await openRequest(app, { path: '/task', ...half });
      await task.hangUp();
    });
    expect(lines).toEqual([]);
  });
});

describe('pipelined requests', () => {
  /** Starts a service whose `/task` answers with a megabyte when the promise of `made` resolves. */
  async function startTasks(made: () => Promise<unknown>) {
    const shutdown = new GracefulShutdown();
    const begun: Response[] = [];
    const signals: AbortSignal[] = [];
    const early: Response[] = [];
    const listener = createServiceApp({ logger, shutdown }, (routes) => {
      routes.all('/task', async (_req, res) => {
        const before = begun.at(-1);
        if (before && !before.writableFinished) early.push(res);
        begun.push(res);
        signals.push(scopeOf(res).signal);
        await made();
        res.send('x'.repeat(1_000_000));
      });
    });
    const server = createLimitedServer(listener);
    shutdown.attach(server);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    onTestFinished(() => shutdown.drain(0));
    const client = connect(portOf(server), '127.0.0.1').pause();
    client.on('error', () => {});
    return { server, shutdown, client, begun, signals, early };
  }

  const task = (headers = '', body = '') =>
    `POST /task HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n${headers}\r\n${body}`;

  test.each([
    ['at once', async () => {}],
    ['later', () => setImmediate()],
  ])('start one by one, each when the answer before was sent (%s)', async (_when, made) => {
    const { server, client, begun, early } = await startTasks(made);
    client.write(task().repeat(99) + task('Connection: close\r\n'));
    const [{ socket }] = await once(server, 'request');
    // The operating system buffers some answers for a client that does not read.
    await expect.poll(() => socket.writableNeedDrain).toBe(true);
    for (let turn = 0; turn < 20; turn += 1) await setImmediate();
    expect(begun.length).toBeLessThan(30);
    let bytes = 0;
    for await (const chunk of client) bytes += chunk.length;
    expect(bytes).toBeGreaterThan(100_000_000);
    expect(begun).toHaveLength(100);
    expect(early).toEqual([]);
  });

  test('that wait, one of them with a body, do not hide a hang-up from the first', async () => {
    const { client, server, signals } = await startTasks(() => new Promise(() => {}));
    let arrived = 0;
    server.on('request', () => {
      arrived += 1;
    });
    client.write(task() + task('', 'x'.repeat(1_000_000)) + task());
    await expect.poll(() => arrived).toBe(3);
    client.destroy();
    await expect.poll(() => signals[0]?.aborted).toBe(true);
    expect(signals).toHaveLength(1);
  });

  test('are answered 408 without starting when their budget is spent, on an open connection', async () => {
    let finish = () => {};
    const first = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const { client, begun } = await startTasks(() => first);
    const aborted = new Promise((resolve) => {
      subscribe('request-scope:aborted', resolve);
      onTestFinished(() => void unsubscribe('request-scope:aborted', resolve));
    });
    client.write(
      task() + task('x-envoy-expected-rq-timeout-ms: 20\r\n') + task('Connection: close\r\n'),
    );
    await aborted;
    finish();
    const received = (await client.setEncoding('utf8').toArray()).join('');
    expect(received.match(/HTTP\/1\.1 \d+/g)).toEqual([
      'HTTP/1.1 200',
      'HTTP/1.1 408',
      'HTTP/1.1 200',
    ]);
    expect(begun).toHaveLength(2);
  });

  test('are answered 408 without starting when the shutdown timeout has passed', async () => {
    const tasks = await startTasks(() => once(tasks.signals[0] as AbortSignal, 'abort'));
    let arrived = 0;
    tasks.server.on('request', () => {
      arrived += 1;
    });
    tasks.client.write(task().repeat(3));
    await expect.poll(() => arrived).toBe(3);
    const drained = tasks.shutdown.drain(0);
    const received = (await tasks.client.setEncoding('utf8').toArray()).join('');
    expect(received.match(/HTTP\/1\.1 \d+/g)).toEqual([
      'HTTP/1.1 200',
      'HTTP/1.1 408',
      'HTTP/1.1 408',
    ]);
    expect(tasks.begun).toHaveLength(1);
    await drained;
  });

  test('close their connection, and no other, if too many wait', async () => {
    const shutdown = new GracefulShutdown();
    const routes = express().use(scopes({ shutdown }), waitUntilReady(3));
    let first: Response | undefined;
    routes.get('/', (_req, res) => {
      if (first) sendText(res, 'done');
      else first = res;
    });
    const server = createLimitedServer(routes);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    onTestFinished(() => void server.close().closeAllConnections());
    const get = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n';
    const [patient, greedy] = [
      await openRaw(portOf(server), get),
      await openRaw(portOf(server), ''),
    ];
    await expect.poll(() => first).toBeDefined();
    patient.socket.write(get.repeat(2));
    greedy.socket.write(get.repeat(4));
    expect((await greedy.received).match(/^done$/gm)).toHaveLength(1); // It did not wait.
    // Those on the closed connection do not count any more.
    const arrived = once(server, 'request');
    patient.socket.write(get.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'));
    await arrived;
    sendText(first as unknown as Response, 'first');
    expect((await patient.received).match(/^(first|done)$/gm)).toHaveLength(4);
  });
});
