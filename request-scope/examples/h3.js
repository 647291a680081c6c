// h3 2: one middleware opens the scope of Node's request, ends it, and answers every cancellation.
import { createServer } from 'node:http';
import { getQuery, H3, HTTPError, toNodeHandler } from 'h3';
import { causeOf, GracefulShutdown, requestScope, withTimeout } from 'request-scope';
import { buildReport } from './report.js';

const shutdown = new GracefulShutdown();
const app = new H3();

app.use(async (event, next) => {
  const { req, res } = event.runtime.node;
  const scope = requestScope(req, res, { shutdown });
  event.context.scope = scope;
  try {
    return await next();
  } catch (error) {
    const cause = causeOf(error, scope);
    if (!cause) throw error;
    const status = cause.code === 'deadline-exceeded' ? 504 : 503;
    throw new HTTPError(cause.message, { status, cause });
  } finally {
    scope[Symbol.dispose]();
  }
});

app.get('/report', (event) =>
  withTimeout(event.context.scope, 5_000, ({ signal }) => buildReport(signal, getQuery(event).ms)),
);

const server = createServer(toNodeHandler(app));
shutdown.attach(server);
server.listen(process.env.PORT ?? 3000, () => {
  console.log(`listening on port ${server.address().port}`);
});
process.on('SIGTERM', () => shutdown.drain(8_000));
