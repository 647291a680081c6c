export type { Batch, BatchOptions } from './batch.ts';
export type { ConnectOptions, ReconnectOptions } from './connect-options.ts';
export { DatabaseUnavailable, TooManyWaiting } from './errors.ts';
export type { DatabaseCancel, DatabaseQuery } from './events.ts';
export { type ListenOptions, listen } from './listen.ts';
export {
  createPool,
  type Outcomes,
  type Pool,
  type PoolOptions,
  type QueryOptions,
} from './pool.ts';
