// A report that calls another service. One client waits for it, and one hangs up. With telemetry.js it prints:
//
//   server unset 200
//   client unset 200
//   server unset 200
//   client unset client-disconnected
//   server unset client-disconnected
//   server unset client-disconnected
//   request_scope.canceled client-disconnected 2
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { causeOf, requestScope } from 'request-scope';
import { sdk } from './telemetry.js';

async function serve(work) {
  const server = createServer(async (req, res) => {
    const closed = once(res, 'close');
    const scope = requestScope(req, res);
    try {
      res.end(await work(scope.signal));
    } catch (error) {
      if (!causeOf(error, scope)) throw error;
      res.writeHead(503).end();
    } finally {
      scope[Symbol.dispose]();
      await closed;
      server.emit('over');
    }
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return server;
}

const urlOf = (server) => `http://127.0.0.1:${server.address().port}/`;

let delayMs = 0;
const stock = await serve((signal) => sleep(delayMs, 'in stock', { signal }));
const report = await serve(async (signal) => (await fetch(urlOf(stock), { signal })).text());

/** A client, which OpenTelemetry does not see. */
function send(server) {
  const client = connect(server.address().port, '127.0.0.1');
  client.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
  return client.resume();
}

await once(send(report), 'close');

delayMs = 60_000;
const leaving = send(report);
await once(stock, 'request');
const over = Promise.all([once(stock, 'over'), once(report, 'over')]);
leaving.destroy();
await over;

await Promise.all([stock, report].map((server) => once(server.close(), 'close')));
await sdk.shutdown();
