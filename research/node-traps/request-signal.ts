import { both, hangUpAfterBody } from './hang-up.ts';
import { closed, GET, LAST_GET, settled, startRawServer } from './raw-server.ts';
import { type Finding, judge, NOT_AVAILABLE, type Trap } from './trap.ts';
import { collectWarnings } from './warnings.ts';
import { requestSignal, type Watch } from './watch.ts';

/** The connection closes after a complete response. */
async function completed(watch: Watch): Promise<Finding> {
  await using wire = await startRawServer();
  const client = await wire.connect(LAST_GET);
  client.resume();
  const { req, res } = await wire.next();
  using watched = watch(req, res);
  if (!watched) return NOT_AVAILABLE;
  res.end('done');
  await closed(req);
  return judge(!watched.signal.aborted, watched.signal.aborted ? 'aborted' : 'silent');
}

/** The client hangs up: the signal's reason should say so. */
async function reason(watch: Watch): Promise<Finding> {
  await using wire = await startRawServer();
  const client = await wire.connect(GET);
  const { req, res } = await wire.next();
  using watched = watch(req, res);
  if (!watched) return NOT_AVAILABLE;
  client.destroy();
  await closed(req);
  const why: unknown = watched.signal.reason;
  if (!(why instanceof Error)) return judge(false, 'no reason');
  const saw = why.name === 'AbortError' ? why.name : why.message;
  return judge(saw === 'client disconnected', saw);
}

/** Twelve pipelined requests: twelve observers on one socket. */
async function twelve(watch: Watch): Promise<Finding> {
  await using wire = await startRawServer();
  using warnings = collectWarnings();
  const watched: ReturnType<Watch>[] = [];
  await wire.connect(GET.repeat(12));
  while (watched.length < 12) {
    const { req, res } = await wire.next();
    watched.push(watch(req, res));
  }
  await settled();
  for (const one of watched) one?.[Symbol.dispose]();
  if (watched.includes(undefined)) return NOT_AVAILABLE;
  const [warning] = warnings.names;
  return judge(warning === undefined, warning ?? 'no warning');
}

export const REQUEST_SIGNAL: Trap[] = [
  {
    name: '`req.signal` after the body was read, client still connected',
    issues: [62541, 63532, 64390, 64392],
    note: '#62541 added `req.signal`, #64392 fixed it.',
    ...both(hangUpAfterBody, requestSignal),
  },
  {
    name: '`req.signal` when the connection closes after the response',
    issues: [64392],
    ...both(completed, requestSignal),
  },
  {
    name: '`req.signal` of twelve pipelined requests',
    issues: [],
    ...both(twelve, requestSignal),
  },
  {
    name: 'The reason of `req.signal` after a hang-up',
    issues: [62541],
    ...both(reason, requestSignal),
  },
];
