import { createServer } from 'node:http';
import { getRequestListener, type HttpBindings } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import { stream } from 'hono/streaming';
import { describe, expect, test } from 'vitest';
import { scopeOf, scopes } from '../src/express.ts';
import { runInScope } from '../src/fetch.ts';
import { ClientDisconnected, GracefulShutdown, type Scope } from '../src/index.ts';
import { keepsTheContract, LONG_MS, type Served, type Start } from './adapter-contract.ts';
import { aborted, settled } from './event-loop.ts';
import { arrivalQueue, get, hearing, listen } from './probe.ts';

type HonoContext = Context<{ Bindings: HttpBindings }>;

/** Answers every request with `handler`, and follows the connections. */
function serve(
  shutdown: GracefulShutdown,
  handler: (c: HonoContext) => Promise<Response>,
  app = new Hono<{ Bindings: HttpBindings }>(),
) {
  app.onError((error, c) => c.text(error.message, 500));
  app.all('/', handler);
  const server = createServer(getRequestListener(app.fetch));
  shutdown.attach(server);
  return server;
}

const start: Start = async (shutdown) => {
  const { push, next } = arrivalQueue<Served>();
  const server = serve(shutdown, async (c) => {
    const body = c.req.method === 'POST' ? await c.req.json() : undefined;
    const { socket } = c.env.incoming;
    const work = (scope: Scope) =>
      new Promise<Response>((resolve) => {
        push({ scope, socket, body, answer: () => resolve(c.text('answer')) });
      });
    return await runInScope(c.req.raw, work, { shutdown });
  });
  return { server, next };
};

const startOnNode: Start = async (shutdown) => {
  const { push, next } = arrivalQueue<Served>();
  const app = new Hono<{ Bindings: HttpBindings }>();
  const openScope = scopes({ shutdown });
  app.use((c, rest) => openScope(c.env.incoming, c.env.outgoing, rest));
  const handler = async (c: HonoContext) => {
    const body = c.req.method === 'POST' ? await c.req.json() : undefined;
    const { incoming, outgoing } = c.env;
    const scope = scopeOf(outgoing);
    return await new Promise<Response>((resolve) => {
      push({ scope, socket: incoming.socket, body, answer: () => resolve(c.text('answer')) });
    });
  };
  return { server: serve(shutdown, handler, app), next };
};

describe('runInScope', () => keepsTheContract(start));
describe("scopeOf Node's response", () => keepsTheContract(startOnNode));

/** A server whose answers are streams of two parts, the second of which waits for `finish`. */
async function startStreaming(shutdown: GracefulShutdown) {
  const { push, next } = arrivalQueue<{ scope: Scope; finish: () => void }>();
  const server = serve(shutdown, (c) =>
    runInScope(
      c.req.raw,
      (scope) =>
        stream(c, async (body) => {
          await body.write('first');
          await new Promise<void>((finish) => push({ scope, finish }));
          await body.write('last');
        }),
      { shutdown },
    ),
  );
  return { ...(await listen(server)), next };
}

test('cancel_after_first_response: leaving in the middle of a stream aborts its scope', async () => {
  const shutdown = new GracefulShutdown();
  await using app = await startStreaming(shutdown);
  const client = await app.connect(get());
  const heard = hearing(client);
  const { scope, finish } = await app.next();
  await heard('first');
  expect(scope.signal.aborted).toBe(false);
  client.destroy();
  expect(await aborted(scope.signal)).toBeInstanceOf(ClientDisconnected);
  await shutdown.drain(LONG_MS);
  finish();
});

test('a drain waits for the last byte of a stream, and no longer', async () => {
  const shutdown = new GracefulShutdown();
  await using app = await startStreaming(shutdown);
  const heard = hearing(await app.connect(get()));
  const { scope, finish } = await app.next();
  const drained = shutdown.drain(LONG_MS);
  await settled();
  expect(scope.signal.aborted).toBe(false);
  finish();
  await Promise.all([heard('last'), drained]);
  expect(scope.signal.aborted).toBe(false);
});

test('status, headers and cookies of the answer survive', async () => {
  await using app = await listen(
    serve(new GracefulShutdown(), (c) =>
      runInScope(c.req.raw, () => {
        c.header('Set-Cookie', 'a=1');
        c.header('Set-Cookie', 'b=2', { append: true });
        return c.json({ made: true }, 201, { 'X-Made': 'here' });
      }),
    ),
  );
  const answer = await fetch(`http://127.0.0.1:${app.port}/`);
  expect(answer.status).toBe(201);
  expect(answer.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
  expect(answer.headers.get('x-made')).toBe('here');
  expect(answer.headers.get('content-type')).toBe('application/json');
  expect(await answer.json()).toEqual({ made: true });
});

test.each([
  ['a handler that throws', 'GET', () => Promise.reject(new Error('no such order')), 500],
  ['an answer to HEAD', 'HEAD', (c: HonoContext) => c.text('all of it'), 200],
  ['an answer without a body', 'GET', (c: HonoContext) => c.body(null, 204), 204],
])('%s does not hold up a drain', async (_row, method, work, status) => {
  const shutdown = new GracefulShutdown();
  await using app = await listen(
    serve(shutdown, (c) => runInScope(c.req.raw, () => work(c), { shutdown })),
  );
  const answer = await fetch(`http://127.0.0.1:${app.port}/`, { method });
  expect(answer.status).toBe(status);
  await answer.text();
  await shutdown.drain(LONG_MS);
});
