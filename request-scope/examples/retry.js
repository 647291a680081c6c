// Retries within the budget, with p-retry: each attempt has a timeout of its own, and none begins without time left.
import { once } from 'node:events';
import { createServer } from 'node:http';
import pRetry from 'p-retry';
import { budgetHeaders, ClientDisconnected, causeOf, Scope, withTimeout } from 'request-scope';

/** `signal` ends a pause between two attempts; `withTimeout` begins no attempt under a scope that is over. */
const retrying = (scope, attempt) =>
  pRetry(() => withTimeout(scope, 1_000, attempt), {
    signal: scope.signal,
    retries: 8,
    minTimeout: 10,
    onFailedAttempt: ({ error }) => inventory.emit('failed', error),
  });

const timesLeftMs = [];
const checkStock = (path) => async (call) => {
  timesLeftMs.push(call.remainingMs);
  const answer = await fetch(url + path, { signal: call.signal, headers: budgetHeaders(call) });
  if (!answer.ok) throw new Error(`the inventory answered ${answer.status}`);
  return await answer.text();
};

let attempts = 0;
const inventory = createServer((req, res) => {
  attempts += 1;
  if (req.url === '/flaky' && attempts === 3) res.end('in stock');
  else res.writeHead(503).end();
});
await once(inventory.listen(0), 'listening');
const url = `http://localhost:${inventory.address().port}`;

const patient = new Scope(60_000);
console.log(`${await retrying(patient, checkStock('/flaky'))}, at attempt ${attempts}`);
patient[Symbol.dispose]();

const hasty = new Scope(200); // Its budget is spent before the last attempt.
await retrying(hasty, checkStock('/down')).catch((error) => {
  console.log(`the budget is spent: ${causeOf(error, hasty)?.message}`);
});
hasty[Symbol.dispose]();
console.log(`each attempt had time left: ${timesLeftMs.every((ms) => ms > 0)}`);

const leaving = new Scope(60_000);
const failed = once(inventory, 'failed');
const answer = retrying(leaving, checkStock('/down'));
await failed;
const begun = timesLeftMs.length;
leaving.abort(new ClientDisconnected()); // In the pause after the first attempt.
await answer.catch((error) => {
  console.log(`the caller has left: ${causeOf(error, leaving)?.message}`);
});
leaving[Symbol.dispose]();
console.log(`attempts after that: ${timesLeftMs.length - begun}`);

const failing = new Scope(60_000);
await retrying(failing, async () => undefined.length).catch((error) => {
  console.log(`a bug is not retried: ${error.name}, ${causeOf(error, failing)}`);
});
failing[Symbol.dispose]();

inventory.close();
inventory.closeAllConnections();
