import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import express from 'express';
import Fastify from 'fastify';
import { describe, expect, test } from 'vitest';
import { scopeOf, scopes } from '../src/express.ts';
import scopesOfFastify, { scopeOf as scopeOfReply } from '../src/fastify.ts';
import { causeOf, requestScope, Scope } from '../src/index.ts';
import { causes, expectNothingLeft, openRequest } from '../src/testing.ts';
import { timers } from './event-loop.ts';

const wait = (signal: AbortSignal) => sleep(60_000, 'waited', { signal });

test.each(causes())('a scope that a test aborts: $code', async (cause) => {
  const scope = new Scope();
  const work = wait(scope.signal);
  scope.abort(cause);
  const error = await work.catch((reason) => reason);
  expect(causeOf(error, scope)).toBe(cause);
});

test('the causes are new each time', () => {
  expect(causes().map(({ code }) => code)).toEqual([
    'client-disconnected',
    'connection-closed',
    'deadline-exceeded',
    'shutting-down',
  ]);
  expect(causes()[0]).not.toBe(causes()[0]);
});

/** A listener that waits until its scope aborts, and then emits the cause on `events`. */
function waiting(events: EventEmitter) {
  return async (req: IncomingMessage, res: ServerResponse) => {
    using scope = requestScope(req, res);
    events.emit('begun', req.url);
    const error = await wait(scope.signal).catch((reason) => reason);
    events.emit('stopped', causeOf(error, scope)?.code);
    res.end();
  };
}

describe('openRequest', () => {
  test('hangs up when the test says so, and the handler learns of it', async () => {
    const events = new EventEmitter();
    const begun = once(events, 'begun');
    const stopped = once(events, 'stopped');
    const request = await openRequest(waiting(events), { path: '/report?id=7' });
    expect(await begun).toEqual(['/report?id=7']);
    await request.hangUp();
    expect(await stopped).toEqual(['client-disconnected']);
  });

  test('with an Express app, a body and headers', async () => {
    const app = express().use(scopes(), express.json());
    const events = new EventEmitter();
    app.post('/', async (req, res) => {
      const { signal } = scopeOf(res);
      events.emit('begun', req.body);
      await once(signal, 'abort');
      events.emit('stopped', signal.reason.code);
      res.end();
    });
    const begun = once(events, 'begun');
    const stopped = once(events, 'stopped');
    const request = await openRequest(app, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"sku":7}',
    });
    expect(await begun).toEqual([{ sku: 7 }]);
    await request.hangUp();
    expect(await stopped).toEqual(['client-disconnected']);
  });

  test('with the server of Fastify', async () => {
    const fastify = Fastify();
    fastify.register(scopesOfFastify);
    const events = new EventEmitter();
    fastify.get('/', async (_request, reply) => {
      const { signal } = scopeOfReply(reply);
      events.emit('begun');
      await once(signal, 'abort');
      events.emit('stopped', signal.reason.code);
      return '';
    });
    await fastify.ready();
    const begun = once(events, 'begun');
    const stopped = once(events, 'stopped');
    const request = await openRequest(fastify.server);
    await begun;
    await request.hangUp();
    expect(await stopped).toEqual(['client-disconnected']);
    await fastify.close();
  });

  test('in the middle of a response', async () => {
    const events = new EventEmitter();
    const request = await openRequest((req, res) => {
      res.write('first');
      waiting(events)(req, res);
    });
    const response = await request.response;
    expect(String(await once(response, 'data'))).toBe('first');
    const stopped = once(events, 'stopped');
    await request.hangUp();
    expect(await stopped).toEqual(['client-disconnected']);
  });

  test('in the middle of a body, where the server sees a reset', async () => {
    const events = new EventEmitter();
    const stopped = once(events, 'stopped');
    const request = await openRequest(waiting(events), {
      method: 'POST',
      headers: { 'content-length': 10 },
      body: '12345',
    });
    await request.hangUp();
    expect(await stopped).toEqual(['client-disconnected']);
  });

  test('reads a complete response, and closes the server that it has opened', async () => {
    const server = createServer((_req, res) => res.end('answer'));
    {
      await using request = await openRequest(server);
      expect(await text(await request.response)).toBe('answer');
      expect(server.listening).toBe(true);
    }
    expect(server.listening).toBe(false);
  });

  test('leaves a server that was listening before, and the clients of that', async () => {
    const events = new EventEmitter();
    const server = createServer(waiting(events)).listen(0);
    const [first, second] = [await openRequest(server), await openRequest(server)];
    const stopped: unknown[] = [];
    events.on('stopped', (code) => stopped.push(code));
    await first.hangUp();
    expect(stopped).toEqual(['client-disconnected']);
    expect(server.listening).toBe(true);
    await second.hangUp();
    expect(stopped).toHaveLength(2);
    server.close();
  });

  test('one client of a server that it has opened leaves, and another stays', async () => {
    const server = createServer((_req, res) => void res.write('begun'));
    const [leaves, stays] = [await openRequest(server), await openRequest(server)];
    await leaves.hangUp();
    expect(server.listening).toBe(false);
    expect((await stays.response).destroyed).toBe(false);
    await stays.hangUp();
  });

  test('a second hang-up is the first one', async () => {
    const request = await openRequest(waiting(new EventEmitter()));
    expect(request.hangUp()).toBe(request.hangUp());
    await request.hangUp();
  });

  test('says so if the server does not notice', async () => {
    const body = 'x'.repeat(5_000_000);
    const request = await openRequest(() => {}, { method: 'POST', body });
    await expect(request.hangUp(50)).rejects.toThrow(
      /^the server has not noticed the hang-up: has it read the body\?$/,
    );
  });

  test('says so if the server refuses the request by itself', async () => {
    const server = createServer();
    const refused = openRequest(server, { headers: { expect: 'the unexpected' } });
    await expect(refused).rejects.toThrow('has responded with 417');
    expect(server.listening).toBe(false);
  });

  test('throws what the connection fails with', async () => {
    const closing = (req: IncomingMessage) => req.socket.destroy();
    const server = createServer().on('connection', (socket) => socket.destroy());
    await expect(openRequest(server.on('request', closing))).rejects.toMatchObject({
      code: 'ECONNRESET',
    });
    expect(server.listening).toBe(false);
  });
});

describe('expectNothingLeft', () => {
  const failure = async (...args: Parameters<typeof expectNothingLeft>) =>
    await expectNothingLeft(...args).then(
      () => '',
      (error) => String(error),
    );
  const soon = { withinMs: 20 };

  test('resolves with the result of work that cleans up', async () => {
    const shutdown = new AbortController();
    const work = async () => {
      const request = await openRequest(waiting(new EventEmitter()));
      await request.hangUp();
      return 'a result';
    };
    const result = await expectNothingLeft(work, { listenersOf: [shutdown.signal] });
    expect(result).toBe('a result');
  });

  test('waits for what ends soon', async () => {
    await expectNothingLeft(() => void setTimeout(() => {}, 10));
  });

  test('names an open scope', async () => {
    const scope = new Scope();
    let child: Scope | undefined;
    const said = await failure(() => {
      child = scope.child(Number.POSITIVE_INFINITY);
    }, soon);
    expect(said).toBe('Error: left behind:\na child scope, which is open');
    child?.[Symbol.dispose]();
  });

  test('names the request of an open scope', async () => {
    const scopes: Scope[] = [];
    const said = await failure(async () => {
      const handler = (req: IncomingMessage, res: ServerResponse) => {
        scopes.push(requestScope(req, res));
      };
      const request = await openRequest(handler, { path: '/forgotten' });
      await request.hangUp();
    }, soon);
    expect(said).toContain('the scope of GET /forgotten, which is open');
    for (const scope of scopes) scope[Symbol.dispose]();
  });

  test('says where a timer was set, if it keeps the process alive', async () => {
    const left: NodeJS.Timeout[] = [];
    const said = await failure(() => {
      left.push(
        setTimeout(() => {}, 60_000),
        setTimeout(() => {}, 60_000).unref(),
      );
    }, soon);
    for (const timer of left) clearTimeout(timer);
    expect(said.match(/a timer/g)).toHaveLength(1);
    expect(said).toMatch(/a timer, set at .*testing\.test\.ts/);
  });

  test('counts the listeners of process, and of what it is given', async () => {
    const { signal } = new AbortController();
    const pool = new EventEmitter();
    const listener = () => {};
    const said = await failure(
      () => {
        process.on('SIGUSR2', listener);
        signal.addEventListener('abort', listener);
        pool.on('error', listener).on('connect', listener);
      },
      { ...soon, listenersOf: [signal, pool] },
    );
    process.off('SIGUSR2', listener);
    expect(said.split('\n').slice(1)).toEqual([
      'listeners of process: 1 more',
      'listeners of AbortSignal: 1 more',
      'listeners of EventEmitter: 2 more',
    ]);
  });

  test('what was there before does not count, nor does the failure of work get lost', async () => {
    const timer = setTimeout(() => {}, 60_000);
    using _ = new Scope(60_000);
    const before = timers();
    await expect(expectNothingLeft(() => Promise.reject(new Error('no good')))).rejects.toThrow(
      'no good',
    );
    await expectNothingLeft(() => {});
    expect(timers()).toBe(before);
    clearTimeout(timer);
  });
});
