import { channel, tracingChannel } from 'node:diagnostics_channel';
import type { Order } from './order.ts';
import type { FailureKind } from './order-failed.ts';

/** Published when the outcome of an order is known: after its log line, and before its answer. */
export interface OrderEnded {
  order: Order;
  outcome: 'processed' | FailureKind;
  /** The text of the answer. */
  message: string;
}

/** Traces a void from the moment it is needed until it settles. */
export interface OrderVoid {
  order: Order;
  /** Whether the void was acknowledged. */
  result?: boolean;
}

export const orderEnded = channel('orders:ended');
export const orderVoid = tracingChannel<OrderVoid>('orders:void');
