import type { Scope } from 'request-scope';
import type { Call } from './downstream/call.ts';
import type { Order } from './order.ts';

/** Makes one call; `call` of http/call.ts. Throws OrderFailed. */
export type Send = (call: Call, scope: Scope) => Promise<void>;

/** A call of which its step says how long it may take. */
export type UntimedCall = Omit<Call, 'timeoutMs'>;

/** A step of an order. It is one call, whose failure says whether the step may be done all the same. */
export interface Step {
  call: (order: Order) => UntimedCall;
  /** How long the call may take, to the last byte of its answer. */
  timeoutMs: number;
  /**
   * The call that takes the step back, if it leaves anything behind. Its service must acknowledge it in any
   * state of the step and any number of times, and refuse a step that arrives after it.
   */
  undo?: (order: Order) => UntimedCall;
}

/** Beside its calls an attempt takes some time in the database, before and after them. */
const MARGIN_MS = 5_000;

/** How long an attempt of these steps can last, in milliseconds. */
export function attemptMs(steps: readonly Pick<Step, 'timeoutMs'>[]): number {
  return steps.reduce((sum, { timeoutMs }) => sum + timeoutMs, MARGIN_MS);
}
