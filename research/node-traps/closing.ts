import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { GracefulShutdown } from 'request-scope';
import { GET, settled, startRawServer } from './raw-server.ts';
import { type Finding, judge, type Trap } from './trap.ts';

/** More than the buffers at both ends of a connection can hold. */
const ANSWER_BYTES = 32 * 1024 * 1024;

/** An event that has not come after this time is taken as never coming. */
const NEVER_MS = 300;

const DRAIN_MS = 10_000;

/** Starts closing the server. Resolves when Node, or the drain, reports that it is closed. */
type Close = (wire: Awaited<ReturnType<typeof startRawServer>>) => Promise<unknown>;

const nodeCloses: Close = ({ server }) => new Promise((resolve) => server.close(resolve));

/** Runs a situation twice: closed by `server.close()`, and by a drain. */
function both(situation: (close: Close, shutdown?: GracefulShutdown) => Promise<Finding>) {
  return {
    node: () => situation(nodeCloses),
    ours: () => {
      const shutdown = new GracefulShutdown();
      return situation(() => shutdown.drain(DRAIN_MS), shutdown);
    },
  };
}

/** The server closes after `res.end()`, before the client has read the response. */
async function unreadResponse(close: Close, shutdown?: GracefulShutdown): Promise<Finding> {
  await using wire = await startRawServer(shutdown);
  const client = await wire.connect(GET);
  const { res } = await wire.next();
  const body = Buffer.alloc(ANSWER_BYTES);
  res.writeHead(200, { 'Content-Length': body.length }).end(body);
  await settled();
  const isClosed = close(wire);
  const chunks: Buffer[] = [];
  client.on('data', (chunk) => chunks.push(chunk));
  await Promise.all([isClosed, once(client, 'close')]);
  const answer = Buffer.concat(chunks);
  const isComplete = answer.length === answer.indexOf('\r\n\r\n') + 4 + ANSWER_BYTES;
  return judge(isComplete, isComplete ? 'arrives complete' : 'truncated');
}

/** The server closes during a response; then the client sends another request on the connection. */
async function keptAlive(close: Close, shutdown?: GracefulShutdown): Promise<Finding> {
  await using wire = await startRawServer(shutdown);
  const client = await wire.connect(GET);
  const { res } = await wire.next();
  const isClosed = close(wire);
  res.end('first');
  const [answer] = await once(client, 'data');
  if (/^connection: close/im.test(String(answer))) {
    await isClosed;
    return judge(true, '`Connection: close`');
  }
  client.write(GET);
  const second = await Promise.race([wire.next(), once(client, 'close')]);
  return judge(false, 'res' in second ? 'keeps serving new requests' : 'closes without notice');
}

/** The server closes while a client is connected that never sent anything. */
async function silentConnection(close: Close, shutdown?: GracefulShutdown): Promise<Finding> {
  await using wire = await startRawServer(shutdown);
  const client = await wire.connect();
  client.resume();
  let isClosed = false;
  close(wire).then(() => {
    isClosed = true;
  });
  await sleep(NEVER_MS);
  await settled();
  return judge(isClosed, isClosed ? 'closed' : 'keeps the server open');
}

export const CLOSING: Trap[] = [
  {
    name: '`server.close()` after `res.end()`, before the client has read the response',
    issues: [43890],
    note: 'Since #43890 it waits for a response, but only until `end()` is called.',
    ...both(unreadResponse),
  },
  {
    name: '`server.close()` during a request on a keep-alive connection',
    issues: [60617],
    note: '#60617 asks for a drain.',
    ...both(keptAlive),
  },
  {
    name: '`server.close()` with a connection that never sent anything',
    issues: [63452, 63470],
    note: '#63470 fixed it.',
    ...both(silentConnection),
  },
];
