// A streaming SDK behind a stream to the client: if the client leaves, the request of the SDK ends, too.
import { once } from 'node:events';
import { createServer } from 'node:http';
import express from 'express';
import OpenAI from 'openai';
import { budgetHeaders, causeOf, GracefulShutdown, withTimeout } from 'request-scope';
import { scopeOf, scopes } from 'request-scope/express';
import { startModel } from './fake-model.js';

const shutdown = new GracefulShutdown();
const openai = new OpenAI({ apiKey: 'none', baseURL: await startModel() });
const app = express();
app.use(scopes({ shutdown }));

app.get('/report', async (req, res) => {
  const content = req.query.ms ?? '2000';
  await withTimeout(scopeOf(res), 5_000, async (call) => {
    const { signal } = call;
    const stream = await openai.chat.completions.create(
      { model: 'fake', stream: true, messages: [{ role: 'user', content }] },
      { signal, headers: budgetHeaders(call) },
    );
    res.type('text/event-stream');
    for await (const { choices } of stream) {
      const isRead = res.write(`data: ${JSON.stringify(choices[0].delta.content)}\n\n`);
      if (!isRead) await once(res, 'drain', { signal });
    }
    // When the signal aborts, the loop ends without an error. withTimeout then throws the cause.
  });
  res.end('event: done\n\n');
});

app.use((error, _req, res, next) => {
  const cause = causeOf(error, scopeOf(res));
  if (!cause) return next(error);
  if (!res.headersSent) res.status(cause.code === 'deadline-exceeded' ? 504 : 503);
  res.end(`event: error\ndata: ${cause.message}\n\n`);
});

const server = createServer(app);
shutdown.attach(server);
server.listen(process.env.PORT ?? 3000, () => {
  console.log(`listening on port ${server.address().port}`);
});
process.on('SIGTERM', () => shutdown.drain(8_000));
