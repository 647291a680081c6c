// Read the body first, then open the scope: Node sees no hang-up behind a body that nobody reads.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { causeOf, GracefulShutdown, requestScope } from 'request-scope';

const shutdown = new GracefulShutdown();

const server = createServer(async (req, res) => {
  const order = JSON.parse(await text(req)); // In production, set a limit; body parsers have one.
  console.log(`read an order of ${order.lines.length} lines`);
  const scope = requestScope(req, res, { shutdown });
  server.emit('order');
  try {
    res.end(await placeOrder(order, scope.signal));
  } catch (error) {
    const cause = causeOf(error, scope);
    console.log(`the order stopped: ${cause?.message ?? error}`);
    res.writeHead(cause ? 503 : 500).end();
  } finally {
    scope[Symbol.dispose]();
  }
});
shutdown.attach(server);

const placeOrder = (order, signal) =>
  sleep(order.lines.length > 1 ? 60_000 : 10, 'placed', { signal });

await once(server.listen(0), 'listening');
const url = `http://localhost:${server.address().port}/`;
const lines = (count) => JSON.stringify({ lines: Array(count).fill('a line of the order') });

const answer = await fetch(url, { method: 'POST', body: lines(1) });
console.log(`a client that waits: ${answer.status}, ${await answer.text()}`);

const client = new AbortController();
const { signal } = client;
const request = fetch(url, { method: 'POST', body: lines(100_000), signal });
await once(server, 'order');
client.abort();
await request.catch(() => console.log('a client has left'));

await shutdown.drain(8_000);
