import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { GracefulShutdown } from '../../request-scope/src/index.ts';
import { type Finding, judge, type Trap } from './trap.ts';
import { GET, settled, startWire } from './wire.ts';

/** More than the buffers of a connection hold, both ends together. */
const ANSWER_BYTES = 32 * 1024 * 1024;

/** Long enough that what has not come by then does not come soon. */
const NEVER_MS = 300;

const DRAIN_MS = 10_000;

/** Begins to close; resolves when Node, or the drain, says that all is closed. */
type Close = (wire: Awaited<ReturnType<typeof startWire>>) => Promise<unknown>;

const nodeCloses: Close = ({ server }) => new Promise((resolve) => server.close(resolve));

/** A situation, closed once by `server.close()` and once by a drain. */
function both(situation: (close: Close, shutdown?: GracefulShutdown) => Promise<Finding>) {
  return {
    node: () => situation(nodeCloses),
    ours: () => {
      const shutdown = new GracefulShutdown();
      return situation(() => shutdown.drain(DRAIN_MS), shutdown);
    },
  };
}

/** `res.end()` was called, and the client has not read the answer yet. */
async function cut(close: Close, shutdown?: GracefulShutdown): Promise<Finding> {
  await using wire = await startWire(shutdown);
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
  const isWhole = answer.length === answer.indexOf('\r\n\r\n') + 4 + ANSWER_BYTES;
  return judge(isWhole, isWhole ? 'arrives whole' : 'cut in the middle');
}

/** An answer is under way when the server closes; then the client asks again. */
async function keptAlive(close: Close, shutdown?: GracefulShutdown): Promise<Finding> {
  await using wire = await startWire(shutdown);
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
  return judge(false, 'res' in second ? 'goes on serving new requests' : 'closes without a word');
}

/** A connection on which nothing was ever sent. */
async function silent(close: Close, shutdown?: GracefulShutdown): Promise<Finding> {
  await using wire = await startWire(shutdown);
  const client = await wire.connect();
  client.resume();
  let isClosed = false;
  close(wire).then(() => {
    isClosed = true;
  });
  await sleep(NEVER_MS);
  await settled();
  return judge(isClosed, isClosed ? 'closed' : 'holds the server open');
}

export const CLOSING: Trap[] = [
  {
    name: '`server.close()` while an answer is on its way, `res.end()` called',
    issues: [43890],
    note: '#43890 taught it to wait for answers, but only up to the call of `end()`.',
    ...both(cut),
  },
  {
    name: '`server.close()` while a kept-alive request is at work',
    issues: [60617],
    note: '#60617 asked for a drain.',
    ...both(keptAlive),
  },
  {
    name: '`server.close()` and a connection that never sent anything',
    issues: [63452, 63470],
    note: '#63470 mended it.',
    ...both(silent),
  },
];
