// Koa 3: one middleware gives each request a scope, which ends with the response, and answers every cancellation.
import { createServer } from 'node:http';
import { Readable } from 'node:stream';
import Koa from 'koa';
import { causeOf, GracefulShutdown, withTimeout } from 'request-scope';
import { scopeOf, scopes } from 'request-scope/express'; // Koa, too, has the req and res of node:http.
import { buildReport } from './report.js';

const shutdown = new GracefulShutdown();
const openScope = scopes({ shutdown });
const app = new Koa();

app.use(async (ctx, next) => {
  try {
    await openScope(ctx.req, ctx.res, next);
  } catch (error) {
    const cause = causeOf(error, scopeOf(ctx.res));
    if (!cause) throw error;
    ctx.status = cause.code === 'deadline-exceeded' ? 504 : 503;
    ctx.body = cause.message;
  }
});

app.use(async (ctx) => {
  const scope = scopeOf(ctx.res);
  const { ms } = ctx.query;
  if (ctx.path === '/report') {
    ctx.body = await withTimeout(scope, 5_000, ({ signal }) => buildReport(signal, ms));
  }
  if (ctx.path === '/stream') ctx.body = Readable.from(parts(scope.signal, ms));
});

async function* parts(signal, ms) {
  yield 'Here is ';
  yield await buildReport(signal, ms);
}

// Koa reports here what ends a stream, and by default writes it to stderr.
app.on('error', (error, ctx) => {
  if (!causeOf(error, scopeOf(ctx.res))) app.onerror(error);
});

const server = createServer(app.callback());
shutdown.attach(server);
server.listen(process.env.PORT ?? 3000, () => {
  console.log(`listening on port ${server.address().port}`);
});
process.on('SIGTERM', () => shutdown.drain(8_000));
