// Express that answers at once; with SCOPE=1, each request has a scope.
import express from 'express';
import { scopeOf, scopes } from 'request-scope/express';

const isScoped = process.env.SCOPE === '1';

const app = express();
if (isScoped) app.use(scopes());
app.get('/order', (req, res) => {
  if (isScoped) scopeOf(res);
  if (req.url.endsWith('held')) return res.flushHeaders();
  res.send('Order successfully processed');
});
const server = app.listen(0, () => process.stdout.write(`${JSON.stringify(server.address())}\n`));
