// Express 5: scopes end by themselves, and one error handler answers every cancellation.
import { createServer } from 'node:http';
import express from 'express';
import { causeOf, GracefulShutdown, withTimeout } from 'request-scope';
import { scopeOf, scopes } from 'request-scope/express';
import { buildReport } from './report.js';

const shutdown = new GracefulShutdown();
const app = express();
app.use(scopes({ shutdown }), express.json());

app.get('/report', async (req, res) => {
  const report = await withTimeout(scopeOf(res), 5_000, ({ signal }) =>
    buildReport(signal, req.query.ms),
  );
  res.send(report);
});

app.use((error, _req, res, next) => {
  const cause = causeOf(error, scopeOf(res));
  if (!cause) return next(error);
  res.status(cause.code === 'deadline-exceeded' ? 504 : 503).send(cause.message);
});

const server = createServer(app);
shutdown.attach(server);
server.listen(process.env.PORT ?? 3000, () => {
  console.log(`listening on port ${server.address().port}`);
});
process.on('SIGTERM', () => shutdown.drain(8_000));
