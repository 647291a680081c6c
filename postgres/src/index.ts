export type { ConnectOptions } from './connection.ts';
export { DatabaseUnavailable, TooManyWaiting } from './errors.ts';
export { listen } from './listen.ts';
export { type Run, VERSIONS } from './look-for-tables.ts';
export { createPool, type Pool, type PoolOptions } from './pool.ts';
export { type Privilege, type Table, TablesRefused } from './table.ts';
export { scriptForNone, Tables } from './tables.ts';
export type { Patience } from './turns.ts';
export { watch } from './watch.ts';
