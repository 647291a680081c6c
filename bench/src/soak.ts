import { setTimeout as sleep } from 'node:timers/promises';
import type { Holdings } from '../../processes/reporter.ts';
import { Connection } from './client.ts';
import { CONTENDERS, OURS } from './contenders.ts';
import { hold } from './measure.ts';
import { MeasuredProcess } from './measured-process.ts';
import type { Stub } from './stub.ts';

const CONNECTIONS = 48;

/** Longer than the client or the server keeps an idle connection. */
const SETTLE_MS = 11_000;

/** The allowed growth of the heap: less than one leaked object per ten orders. */
const LEFT_BYTES_PER_ORDER = 5;

/**
 * Compares what order-service holds before and after `orders`, every third of them canceled. Returns rows for the
 * table of targets.
 */
export async function soak(stub: Stub, stubUrl: string, orders: number): Promise<string[][]> {
  await using service = await MeasuredProcess.start(CONTENDERS[OURS], stubUrl);
  await service.followSockets();
  await work(service, stub, 20_000);
  const before = figures(await service.holdings());
  await work(service, stub, orders);
  const after = figures(await service.holdings());
  const row = (what: keyof typeof before, allowed: number) => {
    const limit = before[what] + allowed;
    const measured = after[what];
    const result = measured <= limit ? 'kept' : `missed by ${measured - limit}`;
    return [`${what} after ${orders} orders`, `${limit}`, `${measured}: ${result}`];
  };
  return [
    row('heapBytes', orders * LEFT_BYTES_PER_ORDER),
    row('sockets', 0),
    row('timers', 0),
    row('listeners', 0),
  ];
}

function figures({ heapBytes, resources, listeners }: Holdings) {
  const { TCPSocketWrap: sockets = 0, Timeout: timers = 0 } = resources;
  return { heapBytes, sockets, timers, listeners };
}

async function work(service: MeasuredProcess, stub: Stub, orders: number): Promise<void> {
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

async function cancel(service: MeasuredProcess, stub: Stub, n: number): Promise<void> {
  using held = await hold(service.url, stub, n % 2 ? 'productID' : 'orderID', n);
  held.connection.hangUp();
  await held.stoppedAt;
}
