import { once } from 'node:events';
import Fastify, { type FastifyInstance } from 'fastify';
import { expect, test } from 'vitest';
import scopes, { scopeOf } from '../src/fastify.ts';
import { GracefulShutdown, ShuttingDown } from '../src/index.ts';
import {
  JSON_POST,
  keepsTheContract,
  LONG_MS,
  type Served,
  type Start,
  startAdapter,
} from './adapter-contract.ts';
import { aborted, settled } from './event-loop.ts';
import { arrivalQueue, get } from './probe.ts';

/** Routes `/` to a handler that waits for the test, with `register` to make scopes. */
const starting =
  (register: (fastify: FastifyInstance, shutdown: GracefulShutdown) => void) =>
  async (shutdown: GracefulShutdown) => {
    const { push, next } = arrivalQueue<Served>();
    const fastify = Fastify();
    register(fastify, shutdown);
    fastify.register(async (encapsulated) => {
      encapsulated.all('/', (request, reply) => {
        const { socket, body } = request;
        push({ scope: scopeOf(reply), socket, body, answer: () => reply.send('answer') });
      });
    });
    await fastify.listen({ port: 0 });
    return { server: fastify.server, next, fastify };
  };

const start: Start = starting((fastify, shutdown) => {
  fastify.register(scopes, { shutdown });
});

keepsTheContract(start);

/** An order in flight while Fastify closes: resolves with its answer. */
async function closeDuringOrder(register: (fastify: FastifyInstance) => void): Promise<string> {
  const { fastify, next, server } = await starting(register)(new GracefulShutdown());
  await using app = await startAdapter(async () => ({ server, next }));
  const client = await app.connect(JSON_POST);
  const { scope, answer } = await app.next();
  const closed = fastify.close();
  await settled();
  expect(scope.signal.aborted).toBe(false);
  answer();
  let text = '';
  client.on('data', (chunk) => {
    text += chunk;
  });
  await Promise.all([once(client, 'end'), closed]);
  return text;
}

test.each<[string, (fastify: FastifyInstance) => void]>([
  ['without options', (fastify) => fastify.register(scopes)],
  ['with no option set', (fastify) => fastify.register(scopes, {})],
  ['with a time to drain', (fastify) => fastify.register(scopes, { drainTimeoutMs: 50_000 })],
])('registered %s, fastify.close() lets an order in flight end', async (_row, register) => {
  const text = await closeDuringOrder(register);
  expect(text).toMatch(/200 OK[\s\S]*connection: close[\s\S]*answer/i);
});

test('fastify.close() aborts the remaining requests after drainTimeoutMs', async () => {
  const { fastify, next, server } = await starting((app) => {
    app.register(scopes, { drainTimeoutMs: 10 });
  })(new GracefulShutdown());
  await using app = await startAdapter(async () => ({ server, next }));
  await app.connect(get());
  const { scope, answer } = await app.next();
  const closed = fastify.close();
  expect(await aborted(scope.signal)).toBeInstanceOf(ShuttingDown);
  answer();
  await closed;
});

test("a drain of one's own shutdown is the one of fastify.close()", async () => {
  const shutdown = new GracefulShutdown();
  const { fastify, next, server } = await starting((app) => {
    app.register(scopes, { shutdown, drainTimeoutMs: 0 });
  })(shutdown);
  await using app = await startAdapter(async () => ({ server, next }));
  await app.connect(get());
  const { scope, answer } = await app.next();
  const drained = shutdown.drain(LONG_MS);
  const closed = fastify.close();
  await settled();
  expect(scope.signal.aborted).toBe(false);
  answer();
  await Promise.all([drained, closed]);
});

test('request.signal is left to Fastify and to Node', async () => {
  const fastify = Fastify();
  fastify.register(scopes);
  fastify.get('/', async (request, reply) => {
    scopeOf(reply);
    return [request, request.raw].map((owner) => Object.hasOwn(owner, 'signal'));
  });
  expect((await fastify.inject('/')).json()).toEqual([false, false]);
  await fastify.close();
});

test('without the plugin scopeOf throws an error that names it', async () => {
  const fastify = Fastify();
  fastify.get('/', (_request, reply) => scopeOf(reply).signal.aborted);
  expect((await fastify.inject('/')).json().message).toBe(
    'There is no scope for this request: use scopes first',
  );
  await fastify.close();
});
