import type { ScopeView } from 'request-scope';

// JavaScript has no types: what stands in a wrong place would be ignored in silence, or look like a database that is
// away.

/** @throws TypeError unless `url` is a text. */
export function mustBeUrl(url: string): void {
  if (typeof url === 'string' && url !== '') return;
  throw new TypeError('expected a URL, such as postgres://user:password@host:5432/database');
}

/** @throws TypeError unless `values` is an array. */
export function mustBeValues(values: readonly unknown[]): void {
  if (Array.isArray(values)) return;
  throw new TypeError('expected an array of values before the scope: query(text, [], scope)');
}

/** @throws TypeError unless `scope` is undefined or has a signal. */
export function mustBeScope(scope: ScopeView | undefined): void {
  if (scope === undefined || typeof scope?.signal?.addEventListener === 'function') return;
  throw new TypeError(
    'expected a scope, such as scopeOf(res), and neither its signal nor a callback',
  );
}
