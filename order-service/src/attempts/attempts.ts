import type { Scope } from 'request-scope';
import type { Order } from '../order.ts';

/** What `begin` found under the caller's key. `full`: nothing, and no room for another attempt. */
export type BeginResult = 'begun' | 'in-flight' | 'processed' | 'failed' | 'other-order' | 'full';

/** An attempt that was left open by the process that began it. It has no logger. */
export type AbandonedAttempt = Omit<Order, 'log'>;

/** The record of the open attempts, and of those that callers have named with a key of their own. */
export interface Attempts {
  /** Whether the record outlives the process, so that another one can recover what it leaves open. */
  readonly isDurable: boolean;

  /**
   * Records the attempt, unless its caller's key is known.
   * @throws {OrderFailed} if the record cannot be written or read.
   */
  begin(order: Order, scope: Scope): Promise<BeginResult>;

  /**
   * Records that the order was processed, and closes the attempt. `scope` bounds the wait for a connection. The
   * write itself is not canceled.
   * @throws {OrderFailed} if the write came too late, or if its outcome is unknown.
   */
  succeed(order: Order, scope: Scope): Promise<void>;

  /**
   * Records that the order failed. The attempt stays open. Resolves to false if it is already recorded as
   * processed, in which case its steps must not be undone.
   * @throws {OrderFailed} if the record cannot be written or read.
   */
  fail(order: Order): Promise<boolean>;

  /**
   * Closes a failed attempt whose steps are all undone or were never done. If the write fails, the attempt
   * counts as abandoned: it is recovered later, and undone once more.
   */
  close(order: Order): Promise<void>;

  /**
   * Claims at most `limit` abandoned attempts, oldest first. No other process can claim them before they have
   * expired again. Resolves to none if the record is not durable or not available.
   * @throws {OrderFailed} if the record cannot be written.
   */
  claimAbandoned(limit: number): Promise<AbandonedAttempt[]>;
}
