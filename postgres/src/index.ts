export type { Batch, BatchOptions } from './batch.ts';
export { type Run, VERSIONS_TABLE } from './catalog.ts';
export type { ConnectOptions, ReconnectOptions } from './connection.ts';
export { DatabaseUnavailable, TooManyWaiting } from './errors.ts';
export type { DatabaseCancel, DatabaseQuery } from './events.ts';
export { listen } from './listen.ts';
export {
  createPool,
  type Outcomes,
  type Pool,
  type PoolOptions,
  type QueryOptions,
} from './pool.ts';
export type { QueryScope } from './statement.ts';
export { type Privilege, type Table, TablesRefused } from './table.ts';
export { scriptForEmptyDatabase, Tables } from './tables.ts';
export { type AvailabilityObserver, watchAvailability } from './watch-availability.ts';
