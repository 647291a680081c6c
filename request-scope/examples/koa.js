// Koa 3: one middleware gives each request a scope, which ends with the response, and answers every cancellation.
import { createServer } from 'node:http';
import Koa from 'koa';
import { causeOf, GracefulShutdown, withTimeout } from 'request-scope';
import { scopeOf, scopes } from 'request-scope/express'; // Koa, too, has the req and res of node:http.
import { buildReport } from './report.js';

const shutdown = new GracefulShutdown();
const begin = scopes({ shutdown });
const app = new Koa();

app.use(async (ctx, next) => {
  begin(ctx.req, ctx.res, () => {});
  try {
    await next();
  } catch (error) {
    const cause = causeOf(error, scopeOf(ctx.res));
    if (!cause) throw error;
    ctx.status = cause.code === 'deadline-exceeded' ? 504 : 503;
    ctx.body = cause.message;
  }
});

app.use(async (ctx) => {
  ctx.body = await withTimeout(scopeOf(ctx.res), 5_000, ({ signal }) =>
    buildReport(signal, ctx.query.ms),
  );
});

const server = createServer(app.callback());
shutdown.attach(server);
server.listen(process.env.PORT ?? 3000, () => {
  console.log(`listening on port ${server.address().port}`);
});
process.on('SIGTERM', () => shutdown.drain(8_000));
