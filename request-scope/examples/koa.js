// Koa 3: one middleware opens the scope, ends it, and answers every cancellation.
import { createServer } from 'node:http';
import Koa from 'koa';
import { causeOf, GracefulShutdown, requestScope, withTimeout } from 'request-scope';
import { buildReport } from './report.js';

const shutdown = new GracefulShutdown();
const app = new Koa();

app.use(async (ctx, next) => {
  const scope = requestScope(ctx.req, ctx.res, { shutdown });
  ctx.state.scope = scope;
  try {
    await next();
  } catch (error) {
    const cause = causeOf(error, scope);
    if (!cause) throw error;
    ctx.status = cause.code === 'deadline-exceeded' ? 504 : 503;
    ctx.body = cause.message;
  } finally {
    scope[Symbol.dispose]();
  }
});

app.use(async (ctx) => {
  ctx.body = await withTimeout(ctx.state.scope, 5_000, ({ signal }) =>
    buildReport(signal, ctx.query.ms),
  );
});

const server = createServer(app.callback());
shutdown.attach(server);
server.listen(process.env.PORT ?? 3000, () => {
  console.log(`listening on port ${server.address().port}`);
});
process.on('SIGTERM', () => shutdown.drain(8_000));
