import { pipeline, Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConnectionClosed, requestScope } from 'request-scope';
import { closed, GET, post, settled, startRawServer } from './raw-server.ts';
import { type Finding, judge, NOT_AVAILABLE, type Trap } from './trap.ts';
import { anyOfNode, requestClose, responseClose, type Watch } from './watch.ts';

/** An event that has not come after this time is taken as never coming: the socket is local. */
const NEVER_MS = 300;

const UNREAD_BYTES = 2_000_000;

/** The client hangs up after the body of its POST was read, during the work. */
export async function hangUpAfterBody(watch: Watch): Promise<Finding> {
  await using wire = await startRawServer();
  const client = await wire.connect(post(1000));
  const { req, res } = await wire.next();
  using watched = watch(req, res);
  if (!watched) return NOT_AVAILABLE;
  for await (const _ of req.iterator({ destroyOnReturn: false }));
  await settled();
  if (watched.signal.aborted) return judge(false, 'fires, client still connected');
  client.destroy();
  await closed(req);
  return judge(watched.signal.aborted, watched.signal.aborted ? 'at the hang-up' : 'never fires');
}

/** The client hangs up during two pipelined requests; the second is observed. */
async function pipelined(watch: Watch): Promise<Finding> {
  await using wire = await startRawServer();
  const client = await wire.connect(GET + GET);
  await wire.next();
  const { req, res } = await wire.next();
  using watched = watch(req, res);
  if (!watched) return NOT_AVAILABLE;
  client.destroy();
  await closed(req);
  return judge(watched.signal.aborted, watched.signal.aborted ? 'at the hang-up' : 'never fires');
}

/** The client hangs up behind an unread body; then the body is read. */
async function unreadBody(watch: Watch): Promise<Finding> {
  await using wire = await startRawServer();
  const client = await wire.connect(post(UNREAD_BYTES));
  const { req, res } = await wire.next();
  using watched = watch(req, res);
  if (!watched) return NOT_AVAILABLE;
  while (req.readableLength < req.readableHighWaterMark) await settled();
  client.destroy();
  await sleep(NEVER_MS);
  if (watched.signal.aborted) return judge(true, 'at the hang-up');
  req.resume();
  await closed(req);
  return judge(false, watched.signal.aborted ? 'seen once the body is read' : 'never seen');
}

/** An earlier 'close' listener ends the response, as in tutorials on server-sent events. */
async function endedByListener(watch: Watch): Promise<Finding> {
  await using wire = await startRawServer();
  const client = await wire.connect(GET);
  const { req, res } = await wire.next();
  res.on('close', () => res.end());
  using watched = watch(req, res);
  if (!watched) return NOT_AVAILABLE;
  client.destroy();
  await closed(req);
  return judge(watched.signal.aborted, watched.signal.aborted ? 'at the hang-up' : 'never fires');
}

/** The response's source fails while the client is connected: `pipeline` destroys the response. */
async function sourceFails(watch: Watch): Promise<Finding> {
  await using wire = await startRawServer();
  await wire.connect(GET);
  const { req, res } = await wire.next();
  using watched = watch(req, res);
  if (!watched) return NOT_AVAILABLE;
  const failed = new Readable({ read: () => failed.destroy(new Error('disk full')) });
  const isClosed = new Promise((resolve) => req.socket.once('close', resolve));
  pipeline(failed, res, () => {});
  await isClosed;
  await settled();
  const why: unknown = watched.signal.reason;
  const isHangUp = watched.signal.aborted && !(why instanceof ConnectionClosed);
  return judge(!isHangUp, isHangUp ? 'mistaken for a hang-up' : 'not mistaken for a hang-up');
}

/** Runs a situation twice: observed by `watch`, and by request-scope. */
export const both = (situation: (watch: Watch) => Promise<Finding>, watch: Watch) => ({
  node: () => situation(watch),
  ours: () => situation(requestScope),
});

export const HANG_UP: Trap[] = [
  {
    name: "`req` 'close' after the body was read, client still connected",
    issues: [38924, 40775, 46666],
    note: 'Since Node 16 (#38924), by design (#40775): the request is complete at this point.',
    ...both(hangUpAfterBody, requestClose),
  },
  {
    name: "`res` 'close' of the second of two pipelined requests",
    issues: [],
    ...both(pipelined, responseClose),
  },
  {
    name: "`res` 'close' before `res.end()`, an earlier listener ends the response",
    issues: [],
    ...both(endedByListener, responseClose),
  },
  {
    name: "`res` 'close' before `res.end()`, the source of a `pipeline` fails",
    issues: [],
    ...both(sourceFails, responseClose),
  },
  {
    name: 'A hang-up behind an unread body',
    issues: [],
    note: 'Node pauses the socket, so no program can see this. Read or drain the body first.',
    ...both(unreadBody, anyOfNode),
  },
];
