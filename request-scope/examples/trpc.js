// tRPC 11: the scope is in the context, and one middleware gives every cancellation its code.
import { createServer } from 'node:http';
import { initTRPC, TRPCError } from '@trpc/server';
import { createHTTPHandler } from '@trpc/server/adapters/standalone';
import { causeOf, GracefulShutdown, withTimeout } from 'request-scope';
import { scopeOf, scopes } from 'request-scope/express';
import { buildReport } from './report.js';

const shutdown = new GracefulShutdown();
const t = initTRPC.create({ isDev: false }); // No stack to a client.

// GATEWAY_TIMEOUT is 504. TIMEOUT is 408, on which some browsers repeat even a POST.
const CODES = {
  'deadline-exceeded': 'GATEWAY_TIMEOUT',
  'client-disconnected': 'CLIENT_CLOSED_REQUEST',
};

const procedure = t.procedure.use(async ({ ctx, next }) => {
  const result = await next();
  const cause = !result.ok && causeOf(result.error, ctx.scope);
  if (!cause) return result;
  const code = CODES[cause.code] ?? 'SERVICE_UNAVAILABLE';
  throw new TRPCError({ code, message: cause.message, cause });
});

const router = t.router({
  report: procedure
    .input(Number)
    .query(({ ctx, input }) =>
      withTimeout(ctx.scope, 5_000, ({ signal }) => buildReport(signal, input)),
    ),
});

const handler = createHTTPHandler({
  router,
  createContext: ({ res }) => ({ scope: scopeOf(res) }),
});
const openScope = scopes({ shutdown });
const server = createServer((req, res) => openScope(req, res, () => handler(req, res)));
shutdown.attach(server);
server.listen(process.env.PORT ?? 3000, () => {
  console.log(`listening on port ${server.address().port}`);
});
process.on('SIGTERM', () => shutdown.drain(8_000));
