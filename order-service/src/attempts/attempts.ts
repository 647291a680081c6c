import type { Scope } from 'request-scope';
import type { Order } from '../order.ts';

/** What `begin` found under the caller's key; `full`: nothing, and no room for more. */
export type Beginning = 'begun' | 'in-flight' | 'processed' | 'failed' | 'other-order' | 'full';

/** The attempts that are open, and those that callers have named with a key of their own. */
export interface Attempts {
  /** Writes the attempt down, unless its caller's key is known. Throws OrderFailed. */
  begin(order: Order, scope: Scope): Promise<Beginning>;

  /**
   * Its verdict: it is charged. `scope` bounds the wait for the step, which itself takes no signal. Throws
   * OrderFailed if that came too late, or nobody can tell.
   */
  succeed(order: Order, scope: Scope): Promise<void>;

  /** Its verdict: it has failed. Whether that stands: not if it is known to be processed. Throws OrderFailed. */
  fail(order: Order): Promise<boolean>;

  /** Strikes out one that has failed: nothing is charged for it, or not any more. */
  strikeOut(order: Order): Promise<void>;
}
