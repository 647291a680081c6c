import { once } from 'node:events';
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { causeOf, isCancellation, requestScope, withTimeout } from 'request-scope';

/** How long a call that goes on is watched after the abort. */
const GRACE_MS = 200;
/** The timeout of the first try. A call that did not reach its far end in that time gets three times as much. */
const FIRST_TIMEOUT_MS = 50;
/** Only a hang takes this long. */
const HANG_MS = 30_000;

/** Runs `work` in the handler that README.md shows. Resolves with what the handler and its client got. */
async function inRequest(timeoutMs, work, hangUpAfter) {
  const server = http.createServer(async (req, res) => {
    const scope = requestScope(req, res);
    let outcome = 'an answer';
    try {
      await withTimeout(scope, timeoutMs, work);
    } catch (error) {
      const cause = causeOf(error, scope);
      outcome = cause?.code ?? nameOf(error);
      res.statusCode = cause ? (cause.code === 'deadline-exceeded' ? 504 : 503) : 500;
    } finally {
      res.end();
      scope[Symbol.dispose]();
      server.emit('handled', outcome);
    }
  });
  const handled = once(server, 'handled');
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const request = http.get({ host: '127.0.0.1', port: server.address().port, agent: false });
  const status = once(request, 'response').then(
    ([response]) => response.resume().statusCode,
    () => undefined,
  );
  if (hangUpAfter) {
    await hangUpAfter;
    request.destroy();
  }
  const [outcome] = await handled;
  const seen = { outcome, status: await status };
  await new Promise((resolve) => server.close(resolve));
  return seen;
}

/** An error as the page names it: its class, and its code if that is its own. */
function nameOf(error) {
  if (isCancellation(error)) return 'the cause';
  const name = /^error$/i.test(error.name) ? error.constructor.name : error.name;
  const { code } = error;
  const hasNone = code === undefined || code === null || error instanceof DOMException;
  return hasNone || code === error.cause?.code ? name : `${name} ${code}`;
}

/** Watches the work of one try: `aborted` and `settled` resolve when its signal aborts and when its call ends. */
function watchWork(call, far, given, bug) {
  const watched = { clientDid: undefined };
  const aborted = new Promise((resolve) => {
    watched.abort = resolve;
  });
  const settled = new Promise((resolve) => {
    watched.settle = resolve;
  });
  const run = async (scope) => {
    const { signal } = scope;
    signal.addEventListener('abort', watched.abort);
    const end = far.kind === 'local' ? far.begin() : undefined;
    try {
      await call({ ...given, scope, signal });
      watched.clientDid = 'ends quietly';
    } catch (error) {
      watched.clientDid = nameOf(error);
      if (!bug) throw error;
    } finally {
      end?.();
      watched.settle();
    }
    if (bug) undefined.answer;
  };
  return Object.assign(watched, { aborted, settled, run });
}

/** Resolves as `promise` does. Rejects after HANG_MS. */
async function within(what, promise) {
  const over = new AbortController();
  const hang = async () => {
    await sleep(HANG_MS, undefined, { signal: over.signal });
    throw new Error(`waited in vain for ${what}`);
  };
  const hangs = hang();
  hangs.catch(() => {});
  await Promise.race([promise, hangs]).finally(() => over.abort());
  return await promise;
}

/**
 * One call, and how it ended: with an answer, by a hang-up of the client, by the timeout of the child, or by the
 * client's own timeout. Undefined if it ended before it had reached the far end.
 */
async function tryOnce(
  form,
  end,
  farEnds,
  { timeoutMs = FIRST_TIMEOUT_MS, kind = form.far, bug } = {},
) {
  const { requests = 1, goesOn } = form;
  const far = await farEnds.next(kind ?? 'http');
  const given = { ...far.target, timeoutMs };
  Object.assign(given, await form.prepare?.(given));
  const work = watchWork(form.call, far, given, bug);
  const begun = far.hasBegun(requests);
  const childTimeoutMs = end === 'timeout' ? timeoutMs : 2 * HANG_MS;
  try {
    const handled = inRequest(childTimeoutMs, work.run, end === 'hang-up' ? begun : undefined);
    let farEnd;
    if (end === 'answer') {
      await within('the request', Promise.race([begun, work.settled]));
    } else {
      await within(end, end === 'own timeout' ? work.settled : work.aborted);
      if (goesOn) {
        await sleep(GRACE_MS);
      } else {
        await within('the end of the call', work.settled);
        await within('its end at the far end', far.hasEnded());
      }
      farEnd = far.open > 0 ? 'goes on' : 'stops';
    }
    far.answer();
    const seen = await within('the handler', handled);
    if (end !== 'answer' && far.requests > requests) farEnd = `gets ${far.requests} requests`;
    if (end !== 'answer' && far.begun < requests) return undefined;
    return { client: work.clientDid, ...seen, farEnd };
  } finally {
    await far.close();
    await form.cleanUp?.(given);
  }
}

async function tryUntilBegun(form, end, farEnds, options) {
  for (let timeoutMs = FIRST_TIMEOUT_MS; timeoutMs < HANG_MS; timeoutMs *= 3) {
    const seen = await tryOnce(form, end, farEnds, { ...options, timeoutMs });
    if (seen) return seen;
  }
  throw new Error('no request reached the far end');
}

/**
 * A client, and the line that makes its call end with its signal.
 *
 * @typedef {object} Client
 * @property {string} [package] Its package; none for what Node has.
 * @property {string} [name] Its name, if it has no package.
 * @property {string} [detail] Which use of it this is.
 * @property {string} [note] What else its user must know.
 * @property {string} [far] The kind of far end. By default a server that holds its answer, before the headers and
 *   then within the body.
 * @property {number} [requests] How many requests the call makes; 1 by default.
 * @property {boolean} [endless] Whether the call never gets an answer.
 * @property {(target: object) => object} [prepare] Makes what else the line uses.
 * @property {(given: object) => unknown} call The line. It gets `signal`, `scope`, the target and what `prepare` made.
 * @property {(given: object) => unknown} [bug] The line around a function that throws a TypeError.
 * @property {(given: object) => void} [cleanUp] Ends what `prepare` made.
 * @property {string} [goesOn] Why the call goes on at the far end after an abort.
 * @property {object[]} [ownTimeouts] Its own timeouts: `option`, `note`, and what differs from the client.
 */

/** Tries a client in every way. Resolves with what was seen, by the way in which the call ended. */
export async function tryClient(client, farEnds) {
  const seen = { ownTimeouts: [] };
  const again = (end, options) => tryUntilBegun(client, end, farEnds, options);
  if (!client.endless && client.far !== 'retry') {
    seen.answer = await tryOnce(client, 'answer', farEnds);
    seen.bug = await tryOnce({ ...client, call: client.bug ?? client.call }, 'answer', farEnds, {
      bug: !client.bug,
    });
  }
  seen.hangUp = await again('hang-up');
  seen.timeout = await again('timeout');
  seen.bugAfterTimeout = await again('timeout', { bug: true });
  if (!client.far) {
    seen.hangUpInBody = await again('hang-up', { kind: 'body' });
    seen.timeoutInBody = await again('timeout', { kind: 'body' });
  }
  for (const { option, note, ...form } of client.ownTimeouts ?? []) {
    const outcome = await tryUntilBegun(
      { ...client, goesOn: undefined, ...form },
      'own timeout',
      farEnds,
    );
    seen.ownTimeouts.push({ option, note, ...outcome });
  }
  return seen;
}
