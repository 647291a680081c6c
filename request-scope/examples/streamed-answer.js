// A streamed response: its scope ends with the last byte, and a client that leaves stops the source.
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { GracefulShutdown } from 'request-scope';
import { runInScope } from 'request-scope/fetch';

const shutdown = new GracefulShutdown();

/** Sends `count` prices, one after the other. */
async function* prices(count, signal) {
  let sent = 0;
  try {
    for (; sent < count; sent += 1) {
      yield new TextEncoder().encode(`price ${sent}\n`);
      await sleep(1, undefined, { signal });
    }
  } finally {
    console.log(sent === count ? `all ${count} are sent` : `stopped: ${signal.reason.message}`);
  }
}

const app = new Hono();
app.get('/prices', (c) =>
  runInScope(
    c.req.raw,
    ({ signal }) => {
      const count = Number(c.req.query('count') ?? Number.POSITIVE_INFINITY);
      return new Response(ReadableStream.from(prices(count, signal)));
    },
    { shutdown },
  ),
);

const server = serve({ fetch: app.fetch, port: 0 });
shutdown.attach(server);
await once(server, 'listening');
const url = `http://localhost:${server.address().port}/prices`;

const answer = await fetch(`${url}?count=3`);
console.log(`a client that stays reads ${(await answer.text()).split('\n').length - 1} prices`);

const endless = await fetch(url);
for await (const part of endless.body) {
  console.log(`a client reads ${new TextDecoder().decode(part).split('\n')[0]}, and leaves`);
  break;
}

await shutdown.drain(8_000);
console.log('drained: no scope was left');
