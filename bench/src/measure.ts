import { setTimeout as sleep } from 'node:timers/promises';
import { quantile } from 'simple-statistics';
import { Connection } from './client.ts';
import { inTime } from './in-time.ts';
import type { MeasuredProcess } from './measured-process.ts';
import type { Stub } from './stub.ts';

/** How many orders are in flight under load. */
const CONNECTIONS = 64;

/** How many connections are opened at once; fewer than a listen queue holds. */
export const OPENING = 250;

/** A round of successful orders, one after another on each of 64 connections. */
export async function load(process: MeasuredProcess, orders: number) {
  const latenciesMs: number[] = [];
  let left = orders;
  const work = async () => {
    using connection = new Connection(process.url);
    while (left-- > 0) {
      const sentAt = performance.now();
      await connection.order().catch((error) => {
        left = 0; // So that nothing of this round runs during the next measurement.
        throw error;
      });
      latenciesMs.push(performance.now() - sentAt);
    }
  };
  const cpuBeforeUs = await process.cpuUs();
  const startedAt = performance.now();
  await inTime('orders', Promise.all(Array.from({ length: CONNECTIONS }, work)));
  const elapsedMs = performance.now() - startedAt;
  return {
    cpuUs: ((await process.cpuUs()) - cpuBeforeUs) / orders,
    ordersPerSecond: (orders / elapsedMs) * 1_000,
    latencyP50Ms: quantile(latenciesMs, 0.5),
    latencyP99Ms: quantile(latenciesMs, 0.99),
  };
}

/** A round of clients that hang up one after another, every other one during the payment. */
export async function cancellations(process: MeasuredProcess, stub: Stub, orders: number) {
  const latenciesMs: number[] = [];
  for (let n = 0; n < orders; n += 1) {
    using held = await hold(process.url, stub, n % 2 ? 'productID' : 'orderID', n);
    await sleep(1);
    const hungUpAt = held.connection.hangUp();
    latenciesMs.push((await inTime('cancellation', held.stoppedAt)) - hungUpAt);
  }
  return {
    cancelP50Ms: quantile(latenciesMs, 0.5),
    cancelP99Ms: quantile(latenciesMs, 0.99),
  };
}

/** In a fresh process: the memory per order of 2,000 orders in flight (resident, and the JavaScript heap within it). */
export async function inFlight(process: MeasuredProcess, stub: Stub) {
  const before = await process.holdings();
  using _held = await holdMany(process.url, stub, 0, 2_000);
  const after = await process.holdings();
  return {
    residentKib: (after.residentBytes - before.residentBytes) / 2_000 / 1_024,
    heapKib: (after.heapBytes - before.heapBytes) / 2_000 / 1_024,
  };
}

/** An order whose downstream call has arrived and gets no answer. */
export async function hold(url: string, stub: Stub, parameter: string, n: number) {
  const id = `held-${n}`;
  const { arrived, stoppedAt } = stub.hold(id);
  const connection = new Connection(url);
  connection.place(`?${parameter}=${id}`);
  await inTime('arrival', arrived);
  return { connection, stoppedAt, [Symbol.dispose]: () => connection[Symbol.dispose]() };
}

/** Orders like that of `hold`, `count` of them from number `start` on. */
export async function holdMany(url: string, stub: Stub, start: number, count: number) {
  const orders: Awaited<ReturnType<typeof hold>>[] = [];
  for (let n = start; n < start + count; n += OPENING) {
    const opening = Array.from({ length: OPENING }, (_, at) =>
      hold(url, stub, 'productID', n + at),
    );
    orders.push(...(await Promise.all(opening)));
  }
  const release = () => {
    for (const order of orders) order[Symbol.dispose]();
  };
  return { orders, [Symbol.dispose]: release };
}
