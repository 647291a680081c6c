// A call with a timeout of its own, within a handler. The next hop learns its budget, and stops too.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { budgetHeaders, causeOf, requestScope, withTimeout } from 'request-scope';

/** `scope` is `{ signal, remainingMs }`: enough to follow its caller, and no way to abort or end it. */
async function checkStock(url, scope) {
  return await withTimeout(scope, 1_000, async (call) => {
    const answer = await fetch(url, { signal: call.signal, headers: budgetHeaders(call) });
    return await answer.text(); // Within the timeout: a body can stall, too.
  });
}

/** A server that answers with the result of `work`, which runs under the scope of the request. */
async function start(work) {
  const server = createServer(async (req, res) => {
    const scope = requestScope(req, res);
    try {
      res.end(await work(req.url, scope));
    } catch (error) {
      const cause = causeOf(error, scope);
      server.emit('stopped', cause?.message ?? error);
      res.writeHead(cause ? 504 : 500).end('Request canceled');
    } finally {
      scope[Symbol.dispose]();
    }
  });
  await once(server.listen(0), 'listening');
  return { server, url: `http://localhost:${server.address().port}` };
}

const inventory = await start((url, { signal }) =>
  sleep(url === '/rare' ? 60_000 : 10, 'in stock', { signal }),
);
const order = await start((url, scope) => checkStock(inventory.url + url, scope));

const answer = await fetch(`${order.url}/common`);
console.log(`in time: ${answer.status}, ${await answer.text()}`);

const stopped = [once(order.server, 'stopped'), once(inventory.server, 'stopped')];
const late = await fetch(`${order.url}/rare`);
console.log(`too late: ${late.status}, ${await late.text()}`);
console.log(`the order stopped: ${await stopped[0]}`);
console.log(`the inventory stopped: ${await stopped[1]}`); // It depends on which of the two came first.

for (const { server } of [order, inventory]) {
  server.close();
  server.closeAllConnections();
}
