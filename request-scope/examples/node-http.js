// node:http: a client that waits gets its answer, and the work for a client that leaves stops.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { causeOf, GracefulShutdown, requestScope } from 'request-scope';

const shutdown = new GracefulShutdown();

const server = createServer(async (req, res) => {
  const scope = requestScope(req, res, { shutdown });
  try {
    res.end(await buildReport(req.url, scope.signal));
  } catch (error) {
    const cause = causeOf(error, scope);
    console.log(`the work stopped: ${cause?.message ?? error}`);
    res.writeHead(cause ? 503 : 500).end();
  } finally {
    scope[Symbol.dispose]();
  }
});
shutdown.attach(server);

/** Stands for any function that takes a signal: fetch, a query, a child process. */
function buildReport(url, signal) {
  return sleep(url === '/long' ? 60_000 : 10, 'the report', { signal });
}

await once(server.listen(0), 'listening');
const address = `http://localhost:${server.address().port}`;

const answer = await fetch(`${address}/short`);
console.log(`a client that waits: ${answer.status}, ${await answer.text()}`);

const client = new AbortController();
const request = fetch(`${address}/long`, { signal: client.signal });
await once(server, 'request');
client.abort();
await request.catch(() => console.log('a client has left'));

await shutdown.drain(8_000);
console.log('drained, every connection is closed');
