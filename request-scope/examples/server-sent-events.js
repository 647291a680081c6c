// Server-sent events: one stream ends with its work; one has no end, and must not hold up a drain.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { setInterval } from 'node:timers/promises';
import express from 'express';
import { causeOf, GracefulShutdown, withTimeout } from 'request-scope';
import { scopeOf, scopes } from 'request-scope/express';
import { buildReport } from './report.js';

const shutdown = new GracefulShutdown();
const app = express();
app.use(scopes({ shutdown }));

app.get('/report', async (req, res) => {
  const scope = scopeOf(res);
  openStream(res);
  const report = await withTimeout(scope, 5_000, ({ signal }) => buildReport(signal, req.query.ms));
  res.end(`data: ${report}\n\n`);
});

app.get('/clock', async (_req, res) => {
  const scope = scopeOf(res);
  const { signal } = scope;
  endWithDrain(scope);
  openStream(res);
  for await (const _ of setInterval(1_000, undefined, { signal })) {
    const isRead = res.write(`data: ${new Date().toISOString()}\n\n`);
    if (!isRead) await once(res, 'drain', { signal }); // The client does not read.
  }
});

function openStream(res) {
  res.set({ 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
  res.flushHeaders(); // The client learns at once that its stream is open.
}

/** A drain would wait for a stream without an end until the drain's time is up. */
function endWithDrain(scope) {
  const end = () => scope.abort(shutdown.signal.reason);
  if (shutdown.signal.aborted) end();
  shutdown.signal.addEventListener('abort', end, { once: true, signal: scope.signal });
}

// The status has been sent: an event says why the stream ends.
app.use((error, req, res, next) => {
  const cause = causeOf(error, scopeOf(res));
  if (!cause) return next(error);
  console.log(`${req.path} stopped: ${cause.message}`);
  res.end(`event: error\ndata: ${cause.message}\n\n`);
});

const server = createServer(app);
shutdown.attach(server);
server.listen(process.env.PORT ?? 3000, () => {
  console.log(`listening on port ${server.address().port}`);
});
process.on('SIGTERM', () => shutdown.drain(8_000));
