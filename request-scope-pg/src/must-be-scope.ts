import type { ScopeView } from 'request-scope';

/**
 * JavaScript has no types: a signal or a callback in the place of the scope would be ignored in silence.
 *
 * @throws {TypeError} Unless `scope` is undefined or has a signal.
 */
export function mustBeScope(scope: ScopeView | undefined): void {
  if (scope === undefined || typeof scope?.signal?.addEventListener === 'function') return;
  throw new TypeError(
    'expected a scope, such as scopeOf(res), and neither its signal nor a callback',
  );
}
