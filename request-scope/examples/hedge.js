// A hedge: if a call is slow, a second one begins, and the first answer counts. The loser ends at once.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  budgetHeaders,
  Cancellation,
  causeOf,
  requestScope,
  Scope,
  withTimeout,
} from 'request-scope';

class AnotherWasFaster extends Cancellation {
  name = 'AnotherWasFaster';
  message = 'another call was faster';
  code = 'another-was-faster';
}

/** Resolves with the first answer of two calls, of which the second begins after `delayMs`. */
async function hedged(scope, delayMs, call) {
  const calls = scope.child(60_000);
  const attempt = () => withTimeout(calls, 60_000, call); // Begins nothing once `calls` is over.
  try {
    const second = sleep(delayMs, undefined, { signal: calls.signal }).then(attempt);
    return await Promise.any([attempt(), second]);
  } catch (error) {
    throw causeOf(error, calls) ?? error; // Promise.any wraps both errors.
  } finally {
    calls.abort(new AnotherWasFaster());
    calls[Symbol.dispose]();
  }
}

let calls = 0;
const inventory = createServer(async (req, res) => {
  calls += 1;
  const isSlow = req.url === '/slow' || calls === 1;
  const scope = requestScope(req, res);
  try {
    res.end(await sleep(isSlow ? 60_000 : 1, `call ${calls}`, { signal: scope.signal }));
  } catch (error) {
    inventory.emit('stopped', causeOf(error, scope)?.message);
    res.end();
  } finally {
    scope[Symbol.dispose]();
  }
});
await once(inventory.listen(0), 'listening');
const url = `http://localhost:${inventory.address().port}`;

let begun = 0;
const checkStock = (path) => async (call) => {
  begun += 1;
  const answer = await fetch(url + path, { signal: call.signal, headers: budgetHeaders(call) });
  return await answer.text();
};

const request = new Scope(60_000);
const stopped = once(inventory, 'stopped');
console.log(`the answer is that of ${await hedged(request, 20, checkStock('/once-slow'))}`);
console.log(`the loser has stopped: ${await stopped}`);
console.log(`the request goes on: ${!request.signal.aborted}`);
request[Symbol.dispose]();

begun = 0;
const hasty = new Scope(50);
await hedged(hasty, 60_000, checkStock('/slow')).catch((error) => {
  console.log(`the budget is spent: ${causeOf(error, hasty)?.message}, after ${begun} call`);
});
hasty[Symbol.dispose]();

inventory.close();
inventory.closeAllConnections();
