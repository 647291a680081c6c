import { bodyRead, both } from './hang-up.ts';
import { type Finding, judge, NOT_THERE, type Trap } from './trap.ts';
import { noteWarnings } from './warnings.ts';
import { requestSignal, type Watch } from './watch.ts';
import { closed, GET, LAST_GET, settled, startWire } from './wire.ts';

/** The answer is complete, then its connection closes. */
async function answered(watch: Watch): Promise<Finding> {
  await using wire = await startWire();
  const client = await wire.connect(LAST_GET);
  client.resume();
  const { req, res } = await wire.next();
  using watched = watch(req, res);
  if (!watched) return NOT_THERE;
  res.end('done');
  await closed(req);
  return judge(!watched.signal.aborted, watched.signal.aborted ? 'aborted' : 'silent');
}

/** What the signal's reason says after a hang-up. */
async function reason(watch: Watch): Promise<Finding> {
  await using wire = await startWire();
  const client = await wire.connect(GET);
  const { req, res } = await wire.next();
  using watched = watch(req, res);
  if (!watched) return NOT_THERE;
  client.destroy();
  await closed(req);
  const why: unknown = watched.signal.reason;
  if (!(why instanceof Error)) return judge(false, 'no reason');
  const saw = why.name === 'AbortError' ? why.name : why.message;
  return judge(saw === 'client disconnected', saw);
}

/** Twelve pipelined requests, and so twelve watches on one socket. */
async function twelve(watch: Watch): Promise<Finding> {
  await using wire = await startWire();
  using warnings = noteWarnings();
  const watched: ReturnType<Watch>[] = [];
  await wire.connect(GET.repeat(12));
  while (watched.length < 12) {
    const { req, res } = await wire.next();
    watched.push(watch(req, res));
  }
  await settled();
  for (const one of watched) one?.[Symbol.dispose]();
  if (watched.includes(undefined)) return NOT_THERE;
  const [warning] = warnings.names;
  return judge(warning === undefined, warning ?? 'no warning');
}

export const REQUEST_SIGNAL: Trap[] = [
  {
    name: '`req.signal` once the body was read, client still there',
    issues: [62541, 63532, 64390, 64392],
    note: '#62541 brought `req.signal`, #64392 mended it.',
    ...both(bodyRead, requestSignal),
  },
  {
    name: '`req.signal` when the connection closes after the answer',
    issues: [64392],
    ...both(answered, requestSignal),
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
