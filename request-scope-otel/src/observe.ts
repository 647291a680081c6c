import type { ScopeAborted, ScopeBegun, ScopeEnded, ScopeView } from 'request-scope';
import { listen } from './channels.ts';
import type { ActiveRequest } from './context.ts';
import type { Instruments } from './instruments.ts';
import { codeLabel } from './labels.ts';

interface WatchedScope {
  request: ActiveRequest;
  /** Undefined for the request's own scope. */
  parent: ScopeView | undefined;
  abortedAt?: number;
}

const WATCHED: unique symbol = Symbol('watched');

/** A property, because a WeakMap entry per scope costs the garbage collector more. */
type Watchable = ScopeView & { [WATCHED]?: WatchedScope };

/**
 * Counts cancellations, and measures how long work continues after one, for the scopes of requests and
 * their children. Scopes without a request, such as a void's, do not count.
 */
export function watchScopes(
  instruments: Instruments,
  find: (req: object) => ActiveRequest | undefined,
  onEnd: (request: ActiveRequest) => void,
): void {
  listen<ScopeBegun>('request-scope:begun', ({ scope, request: req, parent }) => {
    const request = req ? find(req) : (parent as Watchable | undefined)?.[WATCHED]?.request;
    if (!request) return;
    if (!parent) request.openScopes += 1;
    (scope as Watchable)[WATCHED] = { request, parent };
  });

  listen<ScopeAborted>('request-scope:aborted', ({ scope, code, elapsedMs }) => {
    const watched = (scope as Watchable)[WATCHED];
    // A child that is aborted because its parent was is the same cancellation.
    if (!watched || watched.parent?.signal.aborted) return;
    watched.abortedAt = performance.now();
    const cause = { 'request_scope.cause': codeLabel(code) };
    instruments.canceled.add(1, cause);
    if (watched.parent) return;
    watched.request.canceled ??= { cause: code, elapsedMs };
    watched.request.span.addEvent('canceled', cause);
  });

  listen<ScopeEnded>('request-scope:ended', ({ scope }) => {
    const watched = (scope as Watchable)[WATCHED];
    if (!watched) return;
    const { request, parent, abortedAt } = watched;
    if (abortedAt !== undefined) {
      instruments.workAfterAbortMs.record(performance.now() - abortedAt);
    }
    if (parent) return;
    request.openScopes -= 1;
    onEnd(request);
  });
}
