// Stands for a language model behind the API that the client of streaming-sdk.js speaks.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';
import { requestScope } from 'request-scope';
import { buildReport } from './report.js';

/** Starts it in this process, which it does not keep alive. Resolves with its address. */
export async function startModel() {
  const server = createServer(async (req, res) => {
    const { messages } = await json(req);
    const scope = requestScope(req, res);
    const send = (content) =>
      res.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`);
    res.writeHead(200, { 'Content-Type': 'text/event-stream', Connection: 'close' });
    try {
      send('Here is ');
      send(await buildReport(scope.signal, messages[0].content));
      res.end('data: [DONE]\n\n');
    } catch {
      res.destroy();
    } finally {
      scope[Symbol.dispose]();
    }
  });
  await once(server.listen(0, '127.0.0.1').unref(), 'listening');
  return `http://127.0.0.1:${server.address().port}`;
}
