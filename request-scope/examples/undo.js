// The client leaves after it was charged. The refund must happen all the same, so it has a scope of its own.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { causeOf, GracefulShutdown, requestScope, Scope } from 'request-scope';

const shutdown = new GracefulShutdown();

const server = createServer(async (req, res) => {
  const scope = requestScope(req, res, { shutdown });
  try {
    await charge(scope.signal);
    try {
      res.end(await ship(scope.signal));
    } catch (error) {
      await undo();
      throw error;
    }
  } catch (error) {
    const cause = causeOf(error, scope);
    console.log(`the order ended: ${cause?.message ?? error}`);
    res.writeHead(cause ? 503 : 500).end();
  } finally {
    scope[Symbol.dispose](); // Only after the refund, so that a drain waits for it.
  }
});
shutdown.attach(server);

/** The signal of the request is aborted: under it, the refund would not even begin. */
async function undo() {
  const scope = new Scope(5_000);
  try {
    await refund(scope.signal);
  } finally {
    scope[Symbol.dispose]();
  }
}

async function charge(signal) {
  await sleep(10, undefined, { signal });
  console.log('charged');
  server.emit('charged');
}
const ship = (signal) => sleep(60_000, 'shipped', { signal });
async function refund(signal) {
  await sleep(10, undefined, { signal });
  console.log('refunded');
}

await once(server.listen(0), 'listening');
const client = new AbortController();
const url = `http://localhost:${server.address().port}/`;
const request = fetch(url, { method: 'POST', signal: client.signal });
await once(server, 'charged');
client.abort();
await request.catch(() => console.log('the client has left'));

await shutdown.drain(8_000);
console.log('drained');
