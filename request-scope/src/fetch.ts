import { readBudgetMs } from './budget.ts';
import { ClientDisconnected } from './cause.ts';
import { REGISTER } from './register.ts';
import type { ScopeOptions } from './request-scope.ts';
import { openScope, type Scope } from './scope.ts';

/** Ends the scope of a response that was garbage collected before anybody read it. */
const dropped = new FinalizationRegistry<Scope>((scope) => scope[Symbol.dispose]());

/**
 * Runs `work` under the scope of a web-standard Request, and resolves with its Response. The signal aborts when
 * the request's own signal does or the response's body is canceled (ClientDisconnected), when the caller's
 * budget is spent (DeadlineExceeded), or when the drain of `shutdown` has waited long enough (ShuttingDown).
 * The scope ends with the last byte of the body. A drain does not wait for a response that nobody has begun to
 * read; its scope ends when it is garbage collected. Rejects with what `work` throws.
 *
 * @throws RangeError if `header` names none.
 */
export async function runInScope(
  request: Request,
  work: (scope: Scope) => Response | Promise<Response>,
  options: ScopeOptions = {},
): Promise<Response> {
  const { signal, headers } = request;
  const { shutdown } = options;
  const release = () => {
    signal.removeEventListener('abort', hangUp);
    unregister?.();
  };
  const scope = openScope(readBudgetMs(headers, options), { request }, release);
  let unregister = shutdown?.[REGISTER](scope);
  const hangUp = () => scope.abort(new ClientDisconnected());
  signal.addEventListener('abort', hangUp);
  if (signal.aborted) hangUp();
  let isBeingRead = false;
  const onRead = () => {
    isBeingRead = true;
    unregister ??= shutdown?.[REGISTER](scope);
  };
  try {
    const response = await work(scope);
    if (response.body && request.method !== 'HEAD') {
      const body = endingWithBody(response.body, scope, onRead);
      // A server begins to read before the event loop's next turn. A response still unread by then may have
      // been dropped by a middleware that responded itself. A drain waits for it again once somebody reads it.
      setImmediate(() => {
        if (isBeingRead) return;
        unregister?.();
        unregister = undefined;
        dropped.register(body, scope);
      });
      return new Response(body, response);
    }
    // Nobody reads the body of a response to HEAD, nor waits for its source.
    response.body?.cancel().catch(() => {});
    scope[Symbol.dispose]();
    return response.body ? new Response(null, response) : response;
  } catch (error) {
    scope[Symbol.dispose]();
    throw error;
  }
}

/** The same bytes: `onRead` is called before the first one, and `scope` ends with the last. */
function endingWithBody(
  body: ReadableStream<Uint8Array>,
  scope: Scope,
  onRead: () => void,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  // No chunk is pulled in advance, so the first pull means that somebody reads.
  const strategy = { highWaterMark: 0 };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        onRead();
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
