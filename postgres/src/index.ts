export { createPool, type Pool, type PoolOptions } from './pool.ts';
export { type Patience, TooManyWaiting } from './turns.ts';
