// Fastify 5: the plugin gives each request a scope, and close() waits for the requests in flight.
import Fastify from 'fastify';
import { causeOf, withTimeout } from 'request-scope';
import scopes, { scopeOf } from 'request-scope/fastify';
import { buildReport } from './report.js';

const fastify = Fastify();
fastify.register(scopes, { drainTimeoutMs: 8_000 });

fastify.get('/report', async (request, reply) => {
  return await withTimeout(scopeOf(reply), 5_000, ({ signal }) =>
    buildReport(signal, request.query.ms),
  );
});

fastify.setErrorHandler((error, _request, reply) => {
  const cause = causeOf(error, scopeOf(reply));
  if (!cause) return reply.send(error);
  reply.code(cause.code === 'deadline-exceeded' ? 504 : 503).send(cause.message);
});

// An address, because for `localhost` Fastify opens a second server, which the drain does not know.
await fastify.listen({ port: process.env.PORT ?? 3000, host: '127.0.0.1' });
console.log(`listening on port ${fastify.server.address().port}`);
process.on('SIGTERM', () => fastify.close());
