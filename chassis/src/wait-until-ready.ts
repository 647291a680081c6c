import { once } from 'node:events';
import type { Request, RequestHandler, Response } from 'express';
import createError from 'http-errors';
import { ClientDisconnected } from 'request-scope';
import { scopeOf } from 'request-scope/express';

/** Of a request; a larger body gets 413. */
const MAX_BODY_BYTES = 8 * 1024 * 1024;

/** Pipelined requests that wait, on all connections; one more closes its connection. Each is 11 kB or so. */
const MAX_WAITING = 5_000;

/**
 * Lets a request go on once its body has arrived and it is its turn to be answered; a cancellation before
 * that ends it. Nobody needs a body, but behind one that is not read Node sees no hang-up; too large a one
 * is 413. Pipelined requests are begun one after the other, each when the operating system has taken the
 * answer before: whatever is asked for, a connection never owes more than one answer that has been made.
 */
export function waitUntilReady(maxWaiting = MAX_WAITING): RequestHandler {
  let waiting = 0;
  return (req, res, next) => {
    const { 'content-length': length = '0', 'transfer-encoding': encoding } = req.headers;
    const hasBody = length !== '0' || encoding !== undefined;
    // Until its turn the socket is another answer's.
    if (!hasBody && res.socket) return next();
    const isPipelined = !res.socket;
    const isTooMuch = isPipelined && waiting >= maxWaiting;
    if (isTooMuch || req.socket.destroyed) return void req.socket.destroy();
    const scope = scopeOf(res); // Its budget has begun.
    const { signal } = scope;
    const waits = [hasBody && Promise.race([drained(req), aborted(signal)])];
    if (isPipelined) {
      waiting += 1;
      const turn = turnOf(req, res).finally(() => {
        waiting -= 1;
      });
      waits.push(turn);
    }
    const refuse = (error: unknown) => {
      scope[Symbol.dispose]();
      if (!req.complete) res.set('Connection', 'close'); // The rest of the body may still come.
      next(error);
    };
    Promise.all(waits)
      .then(() => signal.throwIfAborted())
      .then(() => next(), refuse);
  };
}

/** Resolves when the answers before `res` are taken, in a turn of the event loop that others have too. */
function turnOf({ socket }: Request, res: Response): Promise<void> {
  return new Promise((resolve, reject) => {
    const hangUp = () => reject(new ClientDisconnected());
    socket.setMaxListeners(0); // One for each request that waits: from eleven on Node would warn.
    socket.once('close', hangUp);
    res.once('socket', () => {
      socket.off('close', hangUp);
      setImmediate(resolve);
    });
  });
}

/** Rejects with the reason of `signal` when it aborts. */
async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
  throw signal.reason;
}

async function drained(req: Request): Promise<void> {
  let bytes = 0;
  try {
    for await (const chunk of req.iterator({ destroyOnReturn: false })) {
      bytes += chunk.length;
      if (bytes > MAX_BODY_BYTES) break;
    }
  } catch {
    throw new ClientDisconnected();
  }
  if (bytes > MAX_BODY_BYTES) throw createError(413, 'Body is too large');
}
