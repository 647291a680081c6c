// Fastify: the plugin gives each request a scope, and close() waits for the requests in flight.
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import Fastify from 'fastify';
import { causeOf } from 'request-scope';
import scopes, { scopeOf } from 'request-scope/fastify';

const fastify = Fastify();
fastify.register(scopes, { drainTimeoutMs: 8_000 });

fastify.get('/report', async (request, reply) => {
  const { signal } = scopeOf(reply);
  return await sleep(Number(request.query.ms), 'the report', { signal });
});

fastify.setErrorHandler((error, _request, reply) => {
  const cause = causeOf(error, scopeOf(reply));
  if (!cause) return reply.send(error);
  console.log(`the work stopped: ${cause.message}`);
  reply.code(503).send(cause.message);
});

const address = await fastify.listen({ port: 0, host: '127.0.0.1' });

const client = new AbortController();
const request = fetch(`${address}/report?ms=60000`, { signal: client.signal });
await once(fastify.server, 'request');
client.abort();
await request.catch(() => console.log('a client has left'));

const inFlight = fetch(`${address}/report?ms=100`);
await once(fastify.server, 'request');
const closed = fastify.close();
const answer = await inFlight;
console.log(`in flight while it closes: ${answer.status}, ${await answer.text()}`);
await closed;
console.log('closed');
