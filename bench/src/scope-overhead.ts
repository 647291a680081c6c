import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { markdownTable } from 'markdown-table';
import { median } from 'simple-statistics';
import { load } from './measure.ts';
import { MeasuredProcess } from './measured-process.ts';

const HELD = 1_000;

/** How many rounds of requests a process serves before the one whose cost is that of a warm process. */
const WARM_AFTER = 4;

interface Round {
  coldUs: number;
  warmUs: number;
  heldBytes: number;
}

/** Measures the cost of a scope for a request that is answered at once, in alternating rounds without and with one. */
export async function scopeOverhead(rounds: number, requests: number): Promise<string> {
  const rows: string[][] = [];
  for (const [name, entry, subscribed] of [
    ['node:http', 'bench/peers/scope-node-http', '0'],
    ['node:http, and a subscriber', 'bench/peers/scope-node-http', '1'],
    ['Express', 'bench/peers/scope-express', '0'],
  ] as const) {
    const without: Round[] = [];
    const scoped: Round[] = [];
    for (let round = 0; round < rounds; round += 1) {
      without.push(await measure(entry, { SCOPE: '0' }, requests));
      scoped.push(await measure(entry, { SCOPE: '1', SUBSCRIBED: subscribed }, requests));
    }
    const row = (figure: keyof Round, digits: number) => {
      const [before, after] = [without, scoped].map((all) => median(all.map((it) => it[figure])));
      const more = scoped.map((it, n) => it[figure] - (without[n]?.[figure] ?? Number.NaN));
      return [before, after, median(more)].map((value) => (value ?? Number.NaN).toFixed(digits));
    };
    rows.push([name, ...row('coldUs', 1), ...row('warmUs', 1), ...row('heldBytes', 0)]);
  }
  const figure = (name: string) => [name, 'with', 'more'];
  const figures = ['CPU µs/request, cold', 'CPU µs/request, warm', 'bytes/request'];
  const head = ['a scope costs', ...figures.flatMap(figure)];
  return markdownTable([head, ...rows], { align: ['l', ...head.slice(1).map(() => 'r')] });
}

/**
 * In a fresh process: processor time per request of the second round and of a later one, and heap per request in
 * flight.
 */
async function measure(
  entry: string,
  env: Record<string, string>,
  requests: number,
): Promise<Round> {
  await using server = await MeasuredProcess.start(entry, '', env);
  await load(server, requests);
  const { cpuUs: coldUs } = await load(server, requests);
  for (let n = 0; n < WARM_AFTER; n += 1) await load(server, requests);
  const { cpuUs: warmUs } = await load(server, requests);
  const before = await server.holdings();
  const { hostname, port } = new URL(server.url);
  const held: Socket[] = [];
  try {
    for (let n = 0; n < HELD; n += 1) {
      const socket = connect(Number(port), hostname);
      held.push(socket);
      socket.write('GET /order?held HTTP/1.1\r\nHost: localhost\r\n\r\n');
      await once(socket, 'data');
    }
    const after = await server.holdings();
    return { coldUs, warmUs, heldBytes: (after.heapBytes - before.heapBytes) / HELD };
  } finally {
    for (const socket of held) socket.destroy();
  }
}
