/** The servers that are compared, ours first: the name in the table, and the path without `.ts`. */
export const CONTENDERS = {
  'order-service': 'order-service/src/server',
  'Express + axios': 'bench/peers/express-axios',
  'Express + undici': 'bench/peers/express-undici',
  'Fastify + undici': 'bench/peers/fastify-undici',
  'node:http': 'bench/peers/node-http',
} as const;

export type Contender = keyof typeof CONTENDERS;

export const OURS: Contender = 'order-service';
export const USUAL: Contender = 'Express + axios';
export const NAMES = Object.keys(CONTENDERS) as Contender[];

/** The columns: key of the figure, heading, digits after the point. */
export const COLUMNS = [
  ['cpuUs', 'CPU µs/order', 0],
  ['ordersPerSecond', 'orders/s', 0],
  ['latencyP50Ms', 'p50, ms', 1],
  ['latencyP99Ms', 'p99, ms', 1],
  ['cancelP50Ms', 'cancel p50, ms', 2],
  ['cancelP99Ms', 'cancel p99, ms', 2],
  ['residentKib', 'KiB/order in flight', 1],
  ['heapKib', 'of it heap', 1],
] as const;

export type Figure = (typeof COLUMNS)[number][0];
