import { Answer } from './answer.ts';
import type { ServedRequest, ServedResponse } from './connections.ts';
import { ABORTED_TIMEOUT_MS, type GracefulShutdown } from './graceful-shutdown.ts';
import { openScope } from './request-scope.ts';
import type { Scope } from './scope.ts';

interface Served {
  req: ServedRequest;
  answer: Answer;
  shutdown: GracefulShutdown | undefined;
  scope?: Scope;
}

/** A property, since a WeakMap with an entry a request costs the collector more than the request. */
const SERVED: unique symbol = Symbol('served');

type ServedWithScope = ServedResponse & { [SERVED]?: Served };

/** Lets scopeOf open a scope for `req`, which knows of a hang-up from now on. */
export function prepareScope(
  req: ServedRequest,
  res: ServedWithScope,
  shutdown?: GracefulShutdown,
): void {
  const served: Served = { req, answer: new Answer(req, res), shutdown };
  res[SERVED] = served;
  res.once('finish', () => {
    const { answer, scope } = served;
    // After a hang-up this says only that somebody called `res.end()`, or not even that (HTTP/2).
    if (answer.cutBy) return;
    answer.forget();
    scope?.[Symbol.dispose]();
  });
}

/**
 * The scope of the request that `res` answers. The first call opens it: make it when the body has been
 * read. It ends with the answer; after a hang-up a drain waits for its handler for a second, or until
 * that ends the scope: `using scope = scopeOf(res)`. Throws if requestScopes is not in use.
 */
export function scopeOf(res: ServedWithScope): Scope {
  const served = res[SERVED];
  if (!served) throw new Error('There is no scope for this request: use requestScopes first');
  served.scope ??= openToAnswer(res, served);
  return served.scope;
}

/** A scope that ends with its answer, or a second after the connection has ended before. */
function openToAnswer(res: ServedResponse, { req, answer, shutdown }: Served): Scope {
  let timer: NodeJS.Timeout | undefined;
  const scope = openScope(req, answer, shutdown, {
    // No event tells when its handler has ended, unless that ends the scope.
    onOver: (it) => {
      timer = setTimeout(() => it[Symbol.dispose](), ABORTED_TIMEOUT_MS).unref();
    },
    release: () => clearTimeout(timer),
  });
  if (res.writableEnded && !answer.cutBy) scope[Symbol.dispose](); // 'finish' may have been.
  return scope;
}
