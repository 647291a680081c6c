import { channel } from 'node:diagnostics_channel';
import type { Scope } from './scope.ts';

/** What a scope is for: a request, or a part of what `parent` is for; else neither is there. */
export interface Origin {
  request?: object;
  parent?: Scope;
}

/** What `request-scope:begun` tells; `:aborted` tells ScopeAborted, `:ended` ScopeEnded. */
export type ScopeBegun = Origin & { scope: Scope };
export type ScopeAborted = { scope: Scope; code: string; elapsedMs: number };
export type ScopeEnded = { scope: Scope; elapsedMs: number };

export const begun = channel('request-scope:begun');
export const aborted = channel('request-scope:aborted');
export const ended = channel('request-scope:ended');
