import { pipeline, Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConnectionClosed, requestScope } from '../../request-scope/src/index.ts';
import { type Finding, judge, NOT_THERE, type Trap } from './trap.ts';
import { anyOfNode, requestClose, responseClose, type Watch } from './watch.ts';
import { closed, GET, post, settled, startWire } from './wire.ts';

/** Long enough that what has not come by then does not come: the socket is on this machine. */
const NEVER_MS = 300;

const UNREAD_BYTES = 2_000_000;

/** A POST whose body was read; only then, while the work goes on, does the client hang up. */
export async function bodyRead(watch: Watch): Promise<Finding> {
  await using wire = await startWire();
  const client = await wire.connect(post(1000));
  const { req, res } = await wire.next();
  using watched = watch(req, res);
  if (!watched) return NOT_THERE;
  for await (const _ of req.iterator({ destroyOnReturn: false }));
  await settled();
  if (watched.signal.aborted) return judge(false, 'fires, client still there');
  client.destroy();
  await closed(req);
  return judge(watched.signal.aborted, watched.signal.aborted ? 'at the hang-up' : 'never fires');
}

/** The second of two pipelined requests, both at work, when the client hangs up. */
async function pipelined(watch: Watch): Promise<Finding> {
  await using wire = await startWire();
  const client = await wire.connect(GET + GET);
  await wire.next();
  const { req, res } = await wire.next();
  using watched = watch(req, res);
  if (!watched) return NOT_THERE;
  client.destroy();
  await closed(req);
  return judge(watched.signal.aborted, watched.signal.aborted ? 'at the hang-up' : 'never comes');
}

/** A hang-up behind a body that nobody reads; afterwards somebody does. */
async function unread(watch: Watch): Promise<Finding> {
  await using wire = await startWire();
  const client = await wire.connect(post(UNREAD_BYTES));
  const { req, res } = await wire.next();
  using watched = watch(req, res);
  if (!watched) return NOT_THERE;
  while (req.readableLength < req.readableHighWaterMark) await settled();
  client.destroy();
  await sleep(NEVER_MS);
  if (watched.signal.aborted) return judge(true, 'at the hang-up');
  req.resume();
  await closed(req);
  return judge(false, watched.signal.aborted ? 'seen once the body is read' : 'never seen');
}

/** A listener that was there before, as tutorials on server-sent events have it, ends the answer. */
async function endedFirst(watch: Watch): Promise<Finding> {
  await using wire = await startWire();
  const client = await wire.connect(GET);
  const { req, res } = await wire.next();
  res.on('close', () => res.end());
  using watched = watch(req, res);
  if (!watched) return NOT_THERE;
  client.destroy();
  await closed(req);
  return judge(watched.signal.aborted, watched.signal.aborted ? 'at the hang-up' : 'never comes');
}

/** The source of the answer fails, the client still there: `pipeline` destroys the response. */
async function sourceFails(watch: Watch): Promise<Finding> {
  await using wire = await startWire();
  await wire.connect(GET);
  const { req, res } = await wire.next();
  using watched = watch(req, res);
  if (!watched) return NOT_THERE;
  const failed = new Readable({ read: () => failed.destroy(new Error('disk full')) });
  const isClosed = new Promise((resolve) => req.socket.once('close', resolve));
  pipeline(failed, res, () => {});
  await isClosed;
  await settled();
  const why: unknown = watched.signal.reason;
  const isHangUp = watched.signal.aborted && !(why instanceof ConnectionClosed);
  return judge(!isHangUp, isHangUp ? 'taken for a hang-up' : 'told apart');
}

/** A situation, watched once in Node's way and once in ours. */
export const both = (situation: (watch: Watch) => Promise<Finding>, watch: Watch) => ({
  node: () => situation(watch),
  ours: () => situation(requestScope),
});

export const HANG_UP: Trap[] = [
  {
    name: "`req` 'close' once the body was read, client still there",
    issues: [38924, 40775, 46666],
    note: 'So since Node 16 (#38924), and meant so (#40775): the request is complete by then.',
    ...both(bodyRead, requestClose),
  },
  {
    name: "`res` 'close' of the second of two pipelined requests",
    issues: [],
    ...both(pipelined, responseClose),
  },
  {
    name: "`res` 'close' before `res.end()`, and a listener before it ends the answer",
    issues: [],
    ...both(endedFirst, responseClose),
  },
  {
    name: "`res` 'close' before `res.end()`, and the source of a `pipeline` fails",
    issues: [],
    ...both(sourceFails, responseClose),
  },
  {
    name: 'A hang-up behind a body that nobody reads',
    issues: [],
    note: 'The socket is paused behind the body. Read or drain it first.',
    ...both(unread, anyOfNode),
  },
];
