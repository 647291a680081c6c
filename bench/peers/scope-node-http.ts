// node:http that answers at once, each request under a scope if SCOPE is set.
import { createServer } from 'node:http';
import { requestScope } from '../../cancellation/src/index.ts';

const isScoped = process.env.SCOPE === '1';

const server = createServer((req, res) => {
  const scope = isScoped ? requestScope(req, res) : undefined;
  if (req.url?.endsWith('held')) return res.flushHeaders();
  res.end('Order successfully processed');
  scope?.[Symbol.dispose]();
});
server.listen(0, '127.0.0.1', 4096, () =>
  process.stdout.write(`${JSON.stringify(server.address())}\n`),
);
