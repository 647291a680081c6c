import { Answer } from './answer.ts';
import { type BudgetOptions, readBudgetMs } from './budget.ts';
import { ClientDisconnected, ConnectionClosed } from './cause.ts';
import type { ServedRequest, ServedResponse } from './connections.ts';
import type { GracefulShutdown } from './graceful-shutdown.ts';
import { ABORTED_TIMEOUT_MS, REGISTER } from './register.ts';
import { openScope, type Scope } from './scope.ts';

/** The options of every adapter. The caller's budget is read from `header`: the smallest that was sent counts. */
export interface ScopeOptions extends BudgetOptions {
  /** The drain waits for the scope, and aborts it when its time is up. */
  shutdown?: GracefulShutdown | undefined;
}

/**
 * The scope of a request; end it when the handler ends. Its signal aborts when the client hangs up before
 * `res.end()` (ClientDisconnected), when the service itself closes the connection before that
 * (ConnectionClosed), when the caller's budget is spent (DeadlineExceeded), or when the drain of `shutdown`
 * has waited long enough (ShuttingDown). If that has happened already, it is aborted from the start.
 * Read or drain the request's body first: Node sees no hang-up behind a body that nobody reads.
 *
 * @param req of a listener of node:http, node:https or node:http2, as is `res`.
 * @throws RangeError if `header` names none.
 */
export function requestScope(
  req: ServedRequest,
  res: ServedResponse,
  options: ScopeOptions = {},
): Scope {
  return open({ req, answer: new Answer(req, res), options });
}

/** A request with its response, as the middleware of a framework passes it on to `scopeOf`. */
interface Served {
  req: ServedRequest;
  answer: Answer;
  options: ScopeOptions;
  scope?: Scope;
}

/** A property, because a WeakMap entry per request costs the garbage collector more than the request does. */
const SERVED: unique symbol = Symbol('served');

type PreparedResponse = ServedResponse & { [SERVED]?: Served };

/** Lets `scopeOf` open a scope for `req`. Hang-ups are noticed from now on. */
export function prepareScope(
  req: ServedRequest,
  res: PreparedResponse,
  options: ScopeOptions,
): void {
  const served: Served = { req, answer: new Answer(req, res), options };
  res[SERVED] = served;
  res.once('finish', () => {
    const { answer, scope } = served;
    // After a hang-up 'finish' says only that `res.end()` was called, and with HTTP/2 not even that.
    if (answer.cutBy) return;
    answer.forget();
    scope?.[Symbol.dispose]();
  });
}

/**
 * The scope of the request that `res` answers. The first call opens it: make it once the body has been
 * read. It ends with the response. After a hang-up it ends when the handler calls `res.end()`, or one second later
 * if the handler does not. The handler may also end it: `using scope = scopeOf(res)`.
 *
 * @throws Error if the request did not pass through `scopes()`.
 */
export function scopeOf(res: PreparedResponse): Scope {
  const served = res[SERVED];
  if (!served) throw new Error('There is no scope for this request: use scopes first');
  served.scope ??= openUntilAnswered(res, served);
  return served.scope;
}

/** A scope that ends with its response, but no later than one second after its connection was cut. */
function openUntilAnswered(res: ServedResponse, served: Served): Scope {
  let timer: NodeJS.Timeout | undefined;
  const scope = open(served, {
    onOver: (it) => {
      const end = () => it[Symbol.dispose]();
      beforeEnd(res, end);
      timer = setTimeout(end, ABORTED_TIMEOUT_MS).unref();
    },
    onEnd: () => clearTimeout(timer),
  });
  // Nobody will end it again.
  if (res.writableEnded) scope[Symbol.dispose]();
  return scope;
}

/** Calls `listener` when `res.end()` is called. Once the connection was cut, no event tells of that. */
function beforeEnd(res: ServedResponse, listener: () => void): void {
  const { end } = res;
  res.end = ((...args: unknown[]) => {
    listener();
    return Reflect.apply(end, res, args);
  }) as typeof end;
}

/** `onOver` is called when the connection or stream has ended, `onEnd` when the scope does. */
function open(
  { req, answer, options }: Served,
  { onOver, onEnd }: { onOver?: (scope: Scope) => void; onEnd?: () => void } = {},
): Scope {
  const release = () => {
    answer.forget();
    unregister?.();
    onEnd?.();
  };
  const scope = openScope(readBudgetMs(req.headers, options), { request: req }, release);
  const unregister = options.shutdown?.[REGISTER](scope);
  answer.onOver = () => {
    if (answer.cutBy === 'client') scope.abort(withoutStack(new ClientDisconnected()));
    if (answer.cutBy === 'server') scope.abort(new ConnectionClosed());
    onOver?.(scope);
  };
  if (answer.isOver) answer.onOver();
  return scope;
}

/**
 * Streams format the stack of an error. That of a hang-up shows only Node's internals, and formatting it costs more than
 * the abort.
 */
function withoutStack<Reason extends Error>(reason: Reason): Reason {
  reason.stack = `${reason.name}: ${reason.message}`;
  return reason;
}
