// Connect 2 beside plain HTTP: both work under the scope of Node's request, whose causes become codes and statuses.
import { createServer } from 'node:http';
import { Code, ConnectError, createContextKey, createContextValues } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { causeOf, GracefulShutdown, withTimeout } from 'request-scope';
import { scopeOf, scopes } from 'request-scope/express';
import { Reports } from './gen/reports_pb.js';
import { buildReport } from './report.js';

const shutdown = new GracefulShutdown();
const SCOPE = createContextKey(undefined);

const reports = {
  async build({ ms }, { values, timeoutMs }) {
    // The caller's timeout: connect-timeout-ms, or grpc-timeout.
    const limitMs = Math.min(5_000, timeoutMs() ?? Number.POSITIVE_INFINITY);
    const work = ({ signal }) => buildReport(signal, ms);
    return { text: await withTimeout(values.get(SCOPE), limitMs, work) };
  },
};

const CODES = {
  'deadline-exceeded': Code.DeadlineExceeded,
  'client-disconnected': Code.Canceled,
};
const answerCauses = (next) => async (request) => {
  try {
    return await next(request);
  } catch (error) {
    const cause = causeOf(error, request.contextValues.get(SCOPE));
    if (!cause) throw error;
    throw new ConnectError(cause.message, CODES[cause.code] ?? Code.Unavailable);
  }
};

const answerCall = connectNodeAdapter({
  routes: (router) => router.service(Reports, reports),
  interceptors: [answerCauses],
  contextValues: (req) => createContextValues().set(SCOPE, scopeOf(req.res)),
  fallback: answerRequest,
});

async function answerRequest(_req, res) {
  const scope = scopeOf(res);
  try {
    res.end(await withTimeout(scope, 5_000, ({ signal }) => buildReport(signal)));
  } catch (error) {
    const cause = causeOf(error, scope);
    if (!cause) console.error(error);
    const statuses = { 'deadline-exceeded': 504, 'shutting-down': 503 };
    res.writeHead(statuses[cause?.code] ?? 500).end(cause?.message);
  }
}

const openScope = scopes({ shutdown });
const server = createServer((req, res) => {
  req.res = res; // Connect passes only the request on.
  openScope(req, res, () => answerCall(req, res));
});
shutdown.attach(server);
server.listen(process.env.PORT ?? 3000, () => {
  console.log(`listening on port ${server.address().port}`);
});
process.on('SIGTERM', () => shutdown.drain(8_000));
