import type { Scope, ScopeAborted, ScopeBegun, ScopeEnded } from 'request-scope';
import { listen } from './channels.ts';
import type { Served } from './context.ts';
import type { Instruments } from './instruments.ts';
import { codeLabel } from './labels.ts';

interface Followed {
  served: Served;
  /** None: it is the request's own. */
  parent: Scope | undefined;
  abortedAt?: number;
}

/**
 * Counts what is canceled and measures how long work goes on after that, for the scopes of requests and
 * the children that they have. Other scopes are nobody's: a void, a drain.
 */
export function watchScopes(
  instruments: Instruments,
  requests: {
    servedFor: (request: object) => Served | undefined;
    onEnd: (served: Served) => void;
  },
): void {
  const scopes = new WeakMap<Scope, Followed>();

  listen<ScopeBegun>('request-scope:begun', ({ scope, request, parent }) => {
    const served = request ? requests.servedFor(request) : parent && scopes.get(parent)?.served;
    if (!served) return;
    if (!parent) served.openScopes += 1;
    scopes.set(scope, { served, parent });
  });

  listen<ScopeAborted>('request-scope:aborted', ({ scope, code, elapsedMs }) => {
    const followed = scopes.get(scope);
    // A child that follows its parent is the same cancellation.
    if (!followed || followed.parent?.signal.aborted) return;
    followed.abortedAt = performance.now();
    const cause = { 'cancellation.cause': codeLabel(code) };
    instruments.canceled.add(1, cause);
    if (followed.parent) return;
    followed.served.canceled ??= { cause: code, elapsedMs };
    followed.served.span.addEvent('canceled', cause);
  });

  listen<ScopeEnded>('request-scope:ended', ({ scope }) => {
    const followed = scopes.get(scope);
    if (!followed) return;
    scopes.delete(scope);
    const { served, parent, abortedAt } = followed;
    if (abortedAt !== undefined) {
      instruments.workAfterAbortMs.record(performance.now() - abortedAt);
    }
    if (parent) return;
    served.openScopes -= 1;
    requests.onEnd(served);
  });
}
