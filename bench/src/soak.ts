import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from './client.ts';
import { CONTENDERS, OURS } from './contenders.ts';
import { hold } from './measure.ts';
import { OrderProcess } from './order-process.ts';
import type { Holdings } from './report-usage.ts';
import type { Stub } from './stub.ts';

const CONNECTIONS = 48;

/** Longer than either side keeps an idle connection. */
const SETTLE_MS = 11_000;

/** Heap that may stay behind: less than one leaked object for every ten orders. */
const LEFT_BYTES_PER_ORDER = 5;

/**
 * Our service before and after `orders`, every third of them cancelled: what it holds must be what it
 * held. Returns the rows of a table of targets.
 */
export async function soak(stub: Stub, stubUrl: string, orders: number): Promise<string[][]> {
  await using service = await OrderProcess.start(CONTENDERS[OURS], stubUrl, {
    BENCH_FOLLOW_SOCKETS: '1',
  });
  await work(service, stub, 20_000);
  const before = await service.holdings();
  await work(service, stub, orders);
  const after = await service.holdings();
  const row = (what: keyof Holdings, allowed: number) => {
    const left = after[what] - before[what];
    const verdict = left <= allowed ? 'kept' : `missed by ${left - allowed}`;
    return [
      `${what} after ${orders} orders`,
      `${before[what] + allowed}`,
      `${after[what]}`,
      verdict,
    ];
  };
  return [
    row('heapBytes', orders * LEFT_BYTES_PER_ORDER),
    row('sockets', 0),
    row('timers', 0),
    row('listeners', 0),
  ];
}

async function work(service: OrderProcess, stub: Stub, orders: number): Promise<void> {
  let placed = 0;
  const worker = async () => {
    using connection = new Connection(service.url);
    while (placed < orders) {
      placed += 1;
      if (placed % 3) await connection.order();
      else await cancel(service, stub, placed);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, worker));
  await sleep(SETTLE_MS);
}

async function cancel(service: OrderProcess, stub: Stub, n: number): Promise<void> {
  using held = await hold(service, stub, n % 2 ? 'productID' : 'orderID', n);
  held.connection.hangUp();
  await held.stoppedAt;
}
