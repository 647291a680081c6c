// node:http that answers at once; with SCOPE=1, each request has a scope, and with SUBSCRIBED=1 a subscriber.
import { subscribe } from 'node:diagnostics_channel';
import { createServer } from 'node:http';
import { requestScope } from 'request-scope';

const isScoped = process.env.SCOPE === '1';
if (process.env.SUBSCRIBED === '1') subscribeToScopes();

const server = createServer((req, res) => {
  const scope = isScoped ? requestScope(req, res) : undefined;
  if (req.url?.endsWith('held')) return res.flushHeaders();
  res.end('Order successfully processed');
  scope?.[Symbol.dispose]();
});
server.listen(0, '127.0.0.1', 4096, () =>
  process.stdout.write(`${JSON.stringify(server.address())}\n`),
);

function subscribeToScopes(): void {
  for (const event of ['begun', 'aborted', 'ended']) subscribe(`request-scope:${event}`, () => {});
}
