// Hono, and any other framework whose handlers take a web-standard Request.
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { BUDGET_HEADER, causeOf, GracefulShutdown } from 'request-scope';
import { runInScope } from 'request-scope/fetch';

const shutdown = new GracefulShutdown();
const app = new Hono();

app.get('/report', (c) =>
  runInScope(
    c.req.raw,
    async (scope) => {
      try {
        return c.text(await buildReport(scope.signal));
      } catch (error) {
        const cause = causeOf(error, scope);
        if (!cause) throw error;
        console.log(`the work stopped: ${cause.message}`);
        return c.text(cause.message, cause.code === 'deadline-exceeded' ? 504 : 503);
      }
    },
    { shutdown },
  ),
);

const buildReport = (signal) => sleep(60_000, 'the report', { signal });

const server = serve({ fetch: app.fetch, port: 0 });
shutdown.attach(server);
await once(server, 'listening');
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
