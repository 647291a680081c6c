import { readBudgetMs } from './budget.ts';
import { ClientDisconnected } from './cause.ts';
import type { GracefulShutdown } from './graceful-shutdown.ts';
import { Scope } from './scope.ts';

/**
 * Answers a web-standard Request with what `work` makes under a scope. Its signal aborts when the
 * request's own does or the answer's body is canceled (ClientDisconnected), when the caller's budget is
 * spent, or when `shutdown` has waited long enough. It ends with the last byte of the answer's body.
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
  const unregister = shutdown?.register(scope);
  const hangUp = () => scope.abort(new ClientDisconnected());
  signal.addEventListener('abort', hangUp);
  if (signal.aborted) hangUp();
  try {
    const response = await work(scope);
    if (response.body && request.method !== 'HEAD') {
      return new Response(ending(response.body, scope), response);
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

/** The same bytes; `scope` ends with the last of them. */
function ending(body: ReadableStream<Uint8Array>, scope: Scope): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
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
  });
}
