import type { Scope } from 'request-scope';
import type { Call } from './downstream/call.ts';
import type { Order } from './order.ts';

/**
 * Makes one call: `call` of downstream/call.ts.
 * @throws {OrderFailed} unless it succeeds.
 */
export type Send = (call: Call, scope: Scope) => Promise<void>;

/** A call without its timeout, which its step adds. */
export type UntimedCall = Omit<Call, 'timeoutMs'>;

/** A step of an order: one call. If it fails, its OrderFailed says whether the step may have been done anyway. */
export interface Step {
  call: (order: Order) => UntimedCall;
  /** How long the call may take, in milliseconds, until the last byte of its answer. */
  timeoutMs: number;
  /**
   * Compensates the step, if that leaves anything behind. The service must acknowledge the call in any state of
   * the step, any number of times, and must refuse a step that arrives after it.
   */
  undo?: (order: Order) => UntimedCall;
}

/** For the database, before and after the calls of an attempt. */
const MARGIN_MS = 5_000;

/** The longest that an attempt of these steps can take, in milliseconds. */
export function maxAttemptMs(steps: readonly Pick<Step, 'timeoutMs'>[]): number {
  return steps.reduce((sum, { timeoutMs }) => sum + timeoutMs, MARGIN_MS);
}
