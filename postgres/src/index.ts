export { DatabaseUnavailable, TooManyWaiting } from './errors.ts';
export { listen } from './listen.ts';
export { createPool, type Pool, type PoolOptions } from './pool.ts';
export type { Patience } from './turns.ts';
export { watch } from './watch.ts';
