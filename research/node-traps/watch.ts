import type { IncomingMessage, ServerResponse } from 'node:http';

/**
 * A way to notice that the client has left: returns a signal for one request, to be disposed of, or
 * undefined if this Node does not offer it. `requestScope` is one.
 */
export type Watch = (
  req: IncomingMessage,
  res: ServerResponse,
) => (Disposable & { readonly signal: AbortSignal }) | undefined;

/** The request's 'close'. */
export const requestClose: Watch = (req) => {
  const controller = new AbortController();
  req.once('close', () => controller.abort());
  return watching(controller.signal);
};

/** The response's 'close' before `res.end()`. */
export const responseClose: Watch = (_req, res) => {
  const controller = new AbortController();
  res.once('close', () => res.writableEnded || controller.abort());
  return watching(controller.signal);
};

/** Node's `req.signal`, since 24.16 and 26.1. */
export const requestSignal: Watch = (req) => {
  const signal: unknown = Reflect.get(req, 'signal');
  return signal instanceof AbortSignal ? watching(signal) : undefined;
};

/** The first of these three to fire. */
export const anyOfNode: Watch = (req, res) => {
  const controller = new AbortController();
  for (const watch of [requestClose, responseClose, requestSignal]) {
    watch(req, res)?.signal.addEventListener('abort', () => controller.abort());
  }
  return watching(controller.signal);
};

function watching(signal: AbortSignal) {
  return { signal, [Symbol.dispose]() {} };
}
