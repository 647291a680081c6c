import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import createError from 'http-errors';
import { pino } from 'pino';
import { DeadlineExceeded, GracefulShutdown } from 'request-scope';
import request from 'supertest';
import { beforeEach, describe, expect, test } from 'vitest';
import { portOf } from '../../harness/network.ts';
import { createServiceApp, only, requestLogger, sendText } from '../src/index.ts';
import { lineWriter } from '../src/line-writer.ts';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

let lines: Record<string, unknown>[];
const logger = pino({}, { write: (line) => lines.push(JSON.parse(line)) });
const writer = lineWriter({ onLost: () => {} });
const shutdown = new GracefulShutdown();
const app = createServiceApp({ logger, shutdown }, (routes) => {
  routes.all('/task', only('POST'), (_req, res) => {
    sendText(res, 'done');
  });
  routes.get('/half-http-error', async (_req, res) => {
    res.write('half');
    throw createError(400, 'too late to say');
  });
  routes.get('/half-cancellation', async (_req, res) => {
    res.write('half');
    throw new DeadlineExceeded();
  });
  routes.get('/bug', async () => {
    throw new TypeError('a bug');
  });
  routes.get('/bug-after-the-answer', async (_req, res) => {
    writer.write(''); // The answer waits for it.
    sendText(res, 'done');
    throw new TypeError('a bug');
  });
  routes.get('/bug-of-an-order', async (_req, res) => {
    requestLogger(res, { orderID: '1' });
    throw new TypeError('a bug');
  });
});

beforeEach(() => {
  lines = [];
});

describe('every answer', () => {
  test.each([
    ['GET', '/health', 200],
    ['POST', '/task', 200],
    ['GET', '/task', 405],
    ['GET', '/nowhere', 404],
    ['GET', '/bug', 500],
  ] as const)(
    '%s %s: echoes the request id and does not reveal its software',
    async (method, url, status) => {
      const call = method === 'GET' ? request(app).get(url) : request(app).post(url);
      const { headers, text } = await call.set('x-request-id', 'caller-1').expect(status);
      expect(headers['x-request-id']).toBe('caller-1');
      expect(headers['content-type']).toMatch(/^(text\/plain|application\/json); charset=utf-8$/);
      expect(headers).not.toHaveProperty('x-powered-by');
      expect(headers).not.toHaveProperty('etag');
      if (headers['content-type']?.startsWith('text/')) expect(text).toMatch(/^[^\n]+\n$/);
    },
  );

  test.each(['', ' ', 'a b', 'a/b', 'é', 'x'.repeat(129)])(
    'request id %j is replaced by a UUID',
    async (id) => {
      const { headers } = await request(app).get('/health').set('x-request-id', encodeURI(id));
      expect(headers['x-request-id']).toMatch(UUID);
    },
  );

  test('without a request id gets a UUID', async () => {
    const { headers } = await request(app).get('/health');
    expect(headers['x-request-id']).toMatch(UUID);
  });
});

test.each(['get', 'put', 'delete', 'patch', 'options', 'head'] as const)(
  '%s on a route for POST: 405 with Allow',
  async (method) => {
    const { headers } = await request(app)[method]('/task').expect(405);
    expect(headers.allow).toBe('POST');
  },
);

test.each([{ 'if-none-match': '*' }, { 'if-modified-since': new Date().toUTCString() }])(
  'no answer is 304: %j',
  async (condition) => {
    await request(app).get('/health').set(condition).expect(200, { status: 'ok' });
  },
);

describe('an error after the answer has begun', () => {
  test.each(['/half-http-error', '/half-cancellation'])(
    'closes the connection without a log line: %s',
    async (path) => {
      await expect(request(app).get(path)).rejects.toThrow('aborted');
      expect(lines).toEqual([]);
    },
  );
});

test('paths are exact', async () => {
  for (const path of ['/', '/Task', '/task/', '//task', '/task/x']) {
    await request(app).post(path).expect(404, 'Not found\n');
  }
});

test.each(['foo://bar', 'http://[/task'])('a target without a path is 404: %s', async (target) => {
  const server = createServer(app);
  await once(server.listen(0), 'listening');
  const client = connect(portOf(server));
  client.write(`GET ${target} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  const answer = (await client.setEncoding('utf8').toArray()).join('');
  expect(answer).toMatch(/^HTTP\/1.1 404 [\s\S]*text\/plain[\s\S]*\r\n\r\nNot found\n$/);
  server.close();
});

test('the log line of a bug has the fields of its route', async () => {
  await request(app).get('/bug-of-an-order').expect(500);
  expect(lines).toMatchObject([{ level: 50, orderID: '1', msg: 'Internal error' }]);
});

test('a bug is answered 500 and logged once, with its stack and request id', async () => {
  await request(app).get('/bug').set('x-request-id', 'buggy').expect(500, 'Internal error\n');
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatchObject({
    level: 50,
    requestId: 'buggy',
    msg: 'Internal error',
    err: { message: 'a bug', stack: expect.stringContaining('service-app.test') },
  });
});

test('a bug after the answer changes nothing of the answer, and is logged', async () => {
  await request(app).get('/bug-after-the-answer').expect(200, 'done\n');
  expect(lines).toMatchObject([{ level: 50, msg: 'Internal error' }]);
});
