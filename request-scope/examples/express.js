// Express: scopes end by themselves, and one error handler responds to every cancellation.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import express from 'express';
import { BUDGET_HEADER, causeOf, GracefulShutdown } from 'request-scope';
import { scopeOf, scopes } from 'request-scope/express';

const shutdown = new GracefulShutdown();
const app = express();
app.use(scopes({ shutdown }), express.json());

app.get('/report', async (_req, res) => {
  res.send(await buildReport(scopeOf(res).signal));
});

app.use((error, _req, res, next) => {
  const scope = scopeOf(res);
  const cause = causeOf(error, scope);
  if (!cause) return next(error);
  console.log(`the work stopped: ${cause.message}`);
  res.status(cause.code === 'deadline-exceeded' ? 504 : 503).send(cause.message);
});

const buildReport = (signal) => sleep(60_000, 'the report', { signal });

const server = createServer(app);
shutdown.attach(server);
await once(server.listen(0), 'listening');
const url = `http://localhost:${server.address().port}/report`;

const answer = await fetch(url, { headers: { [BUDGET_HEADER]: '20' } });
console.log(`a caller with 20 ms: ${answer.status}, ${await answer.text()}`);

const client = new AbortController();
const request = fetch(url, { signal: client.signal });
await once(server, 'request');
client.abort();
await request.catch(() => console.log('a client has left'));

await shutdown.drain(8_000);
console.log('drained, every connection is closed');
