// h3 2 on Node: the scope of Node's request, and one middleware that answers every cancellation.
import { createServer } from 'node:http';
import { getQuery, H3, toNodeHandler } from 'h3';
import { causeOf, GracefulShutdown, withTimeout } from 'request-scope';
import { scopeOf, scopes } from 'request-scope/express';
import { buildReport } from './report.js';

const shutdown = new GracefulShutdown();

const app = new H3();
const openScope = scopes({ shutdown });

// h3 would log an error that reaches its onError.
app.use(async ({ runtime: { node } }, next) => {
  try {
    return await openScope(node.req, node.res, next);
  } catch (error) {
    const cause = causeOf(error, scopeOf(node.res));
    if (!cause) throw error;
    return new Response(cause.message, { status: cause.code === 'deadline-exceeded' ? 504 : 503 });
  }
});

app.get('/report', (event) =>
  withTimeout(scopeOf(event.runtime.node.res), 5_000, ({ signal }) =>
    buildReport(signal, getQuery(event).ms),
  ),
);

const server = createServer(toNodeHandler(app));
shutdown.attach(server);
server.listen(process.env.PORT ?? 3000, () => {
  console.log(`listening on port ${server.address().port}`);
});
process.on('SIGTERM', () => shutdown.drain(8_000));
