import { channel, tracingChannel } from 'node:diagnostics_channel';
import type { Order } from './order.ts';
import type { FailureKind } from './order-failed.ts';

/** An order has its verdict, the one that its log line tells. Published before its answer. */
export interface OrderEnded {
  order: Order;
  outcome: 'processed' | FailureKind;
  /** The answer. */
  message: string;
}

/** A void, from the moment it is needed to the one it settles; `result`: whether it was acknowledged. */
export interface OrderVoid {
  order: Order;
  result?: boolean;
}

export const orderEnded = channel('orders:ended');
export const orderVoid = tracingChannel<OrderVoid>('orders:void');
