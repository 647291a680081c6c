import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { markdownTable } from 'markdown-table';
import { median } from 'simple-statistics';
import { load } from './measure.ts';
import { MeasuredProcess } from './measured-process.ts';

const HELD = 1_000;

interface Round {
  cpuUs: number;
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
    rows.push([name, ...row('cpuUs', 1), ...row('heldBytes', 0)]);
  }
  const head = ['a scope costs', 'CPU µs/request', 'with', 'more', 'bytes/request', 'with', 'more'];
  return markdownTable([head, ...rows], { align: ['l', ...head.slice(1).map(() => 'r')] });
}

/** In a fresh process: processor time per request under load, and heap per request in flight. */
async function measure(
  entry: string,
  env: Record<string, string>,
  requests: number,
): Promise<Round> {
  await using server = await MeasuredProcess.start(entry, '', env);
  await load(server, requests);
  const { cpuUs } = await load(server, requests);
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
    return { cpuUs, heldBytes: (after.heapBytes - before.heapBytes) / HELD };
  } finally {
    for (const socket of held) socket.destroy();
  }
}
