import { readBudgetMs } from './budget.ts';
import { ClientDisconnected } from './cause.ts';
import type { GracefulShutdown } from './graceful-shutdown.ts';
import { Scope } from './scope.ts';

/** Ends the scope of an answer that nobody will read any more. */
const dropped = new FinalizationRegistry<Scope>((scope) => scope[Symbol.dispose]());

/**
 * Answers a web-standard Request with what `work` makes under a scope. Its signal aborts when the
 * request's own does or the answer's body is canceled (ClientDisconnected), when the caller's budget is
 * spent, or when `shutdown` has waited long enough. It ends with the last byte of the answer's body; a drain
 * does not wait for an answer that nobody has begun to read, whose scope ends with the garbage collection.
 */
export async function withScope(
  request: Request,
  work: (scope: Scope) => Response | Promise<Response>,
  shutdown?: GracefulShutdown,
): Promise<Response> {
  const { signal, headers } = request;
  const release = () => {
    signal.removeEventListener('abort', hangUp);
    unregister?.();
  };
  const scope = new Scope(readBudgetMs(Object.fromEntries(headers)), release, { request });
  let unregister = shutdown?.register(scope);
  const hangUp = () => scope.abort(new ClientDisconnected());
  signal.addEventListener('abort', hangUp);
  if (signal.aborted) hangUp();
  let isRead = false;
  const beRead = () => {
    isRead = true;
    unregister ??= shutdown?.register(scope);
  };
  try {
    const response = await work(scope);
    if (response.body && request.method !== 'HEAD') {
      const body = ending(response.body, scope, beRead);
      // A server reads before the event loop's next turn. What is unread by then may have been dropped, by a
      // middleware that has answered in the meantime: it is waited for again once somebody reads it.
      setImmediate(() => {
        if (isRead) return;
        unregister?.();
        unregister = undefined;
        dropped.register(body, scope);
      });
      return new Response(body, response);
    }
    // Nobody reads the body of an answer to HEAD, nor waits for its source.
    response.body?.cancel().catch(() => {});
    scope[Symbol.dispose]();
    return response.body ? new Response(null, response) : response;
  } catch (error) {
    scope[Symbol.dispose]();
    throw error;
  }
}

/** The same bytes; `beRead` is called before the first of them, and `scope` ends with the last. */
function ending(
  body: ReadableStream<Uint8Array>,
  scope: Scope,
  beRead: () => void,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  // Nothing is pulled ahead: the first pull tells that somebody reads.
  const strategy = { highWaterMark: 0 };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        beRead();
        const { done, value } = await reader.read().catch((error) => {
          scope[Symbol.dispose]();
          throw error;
        });
        if (!done) return controller.enqueue(value);
        scope[Symbol.dispose]();
        controller.close();
      },
      cancel(reason) {
        scope.abort(new ClientDisconnected());
        scope[Symbol.dispose]();
        return reader.cancel(reason);
      },
    },
    strategy,
  );
}
