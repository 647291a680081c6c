import type { IncomingMessage, ServerResponse } from 'node:http';

/**
 * A way to see that the client has left: a signal for one request, to be released; undefined where
 * this Node has no such way. `requestScope` is one.
 */
export type Watch = (
  req: IncomingMessage,
  res: ServerResponse,
) => (Disposable & { readonly signal: AbortSignal }) | undefined;

/** Takes the request's 'close' at its word. */
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

/** Node's own `req.signal`, from 24.16 and 26.1 on. */
export const requestSignal: Watch = (req) => {
  const signal: unknown = Reflect.get(req, 'signal');
  return signal instanceof AbortSignal ? watching(signal) : undefined;
};

/** Whatever Node says first: one of the three. */
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
