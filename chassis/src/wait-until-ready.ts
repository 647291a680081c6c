import { once } from 'node:events';
import type { Request, RequestHandler, Response } from 'express';
import createError from 'http-errors';
import { ClientDisconnected } from 'request-scope';
import { scopeOf } from 'request-scope/express';

/** A request with a larger body is answered 413. */
const MAX_BODY_BYTES = 8 * 1024 * 1024;

/** The limit of waiting pipelined requests, about 11 kB each, on all connections. One more closes its own. */
const MAX_WAITING = 5_000;

/**
 * Middleware that holds a request until its body has arrived and all earlier answers on its connection have
 * been sent. A cancellation in the meantime ends the request. No route needs the body, but Node cannot see a
 * hang-up behind an unread one. Pipelined requests start one at a time, each when the operating system has
 * accepted the answer before it, so that a connection never holds more than one answer in memory.
 */
export function waitUntilReady(maxWaiting = MAX_WAITING): RequestHandler {
  let waiting = 0;
  return (req, res, next) => {
    const { 'content-length': length = '0', 'transfer-encoding': encoding } = req.headers;
    const hasBody = length !== '0' || encoding !== undefined;
    // A response without a socket waits for an earlier one: its request was pipelined.
    if (!hasBody && res.socket) return next();
    const isPipelined = !res.socket;
    const isTooMuch = isPipelined && waiting >= maxWaiting;
    if (isTooMuch || req.socket.destroyed) return void req.socket.destroy();
    const scope = scopeOf(res); // Its budget starts here.
    const { signal } = scope;
    const waits = [hasBody && Promise.race([readBody(req), aborted(signal)])];
    if (isPipelined) {
      waiting += 1;
      const turn = earlierAnswersSent(req, res).finally(() => {
        waiting -= 1;
      });
      waits.push(turn);
    }
    const refuse = (error: unknown) => {
      scope[Symbol.dispose]();
      if (!req.complete) res.set('Connection', 'close'); // The rest of the body may still arrive.
      next(error);
    };
    Promise.all(waits)
      .then(() => signal.throwIfAborted())
      .then(() => next(), refuse);
  };
}

/** Resolves once the earlier answers were sent and other work in the event loop has had its turn. */
function earlierAnswersSent({ socket }: Request, res: Response): Promise<void> {
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

/** Rejects with the reason of `signal` when that aborts. */
async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
  throw signal.reason;
}

/** Reads the body and drops it. */
async function readBody(req: Request): Promise<void> {
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
