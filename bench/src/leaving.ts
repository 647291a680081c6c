import { markdownTable } from 'markdown-table';
import { median } from 'simple-statistics';
import { send } from '../../harness/clients.ts';
import { CONTENDERS, type Contender, OURS } from './contenders.ts';
import { GO_VERSION, startGoProgram } from './go-program.ts';
import { inTime } from './in-time.ts';
import { holdMany } from './measure.ts';
import { MeasuredProcess } from './measured-process.ts';
import { progress } from './progress.ts';
import type { Stub } from './stub.ts';

const CROWDS = [1_000, 4_000, 8_000];
const PEERS: Contender[] = [OURS, 'node:http'];

/** It has no event loop that could stand. */
const GO = `net/http (${GO_VERSION})`;

/** How long the event loop of ours may stand. */
const LOOP_LIMIT_MS = 100;

type Leaving = Awaited<ReturnType<typeof leave>>;

/**
 * Measures what happens when all callers hang up at once: the time until the last downstream call has stopped, how
 * long a health check takes meanwhile, and the longest time for which the event loop stands. Each in a fresh process.
 */
export async function leaving(stub: Stub, stubUrl: string, rounds: number): Promise<string> {
  const rows: string[][] = [];
  let longestStandMs = 0;
  for (const orders of CROWDS) {
    const measured = new Map<string, Leaving[]>();
    for (let round = 1; round <= rounds; round += 1) {
      for (const name of PEERS) {
        progress(`round ${round} of ${rounds}, a crowd that leaves: ${name}, ${orders}`);
        await using process = await MeasuredProcess.start(CONTENDERS[name], stubUrl);
        add(name, await leave(process, stub, orders, process));
      }
      if (!GO_VERSION) continue;
      progress(`round ${round} of ${rounds}, a crowd that leaves: ${GO}, ${orders}`);
      await using program = await startGoProgram(stubUrl);
      add(GO, await leave(program, stub, orders));
    }
    for (const [name, all] of measured) {
      const middle = (figure: keyof Leaving) => median(all.map((each) => each[figure])).toFixed(0);
      const stand = name === GO ? '' : middle('standMs');
      rows.push([
        orders.toLocaleString('en'),
        name,
        middle('stoppedMs'),
        middle('healthMs'),
        stand,
      ]);
    }
    const ours = measured.get(OURS) ?? [];
    longestStandMs = Math.max(longestStandMs, ...ours.map(({ standMs }) => standMs));
    function add(name: string, figures: Leaving) {
      measured.set(name, [...(measured.get(name) ?? []), figures]);
    }
  }
  const head = ['hang up at once', '', 'all stopped, ms', 'health check, ms', 'loop stands, ms'];
  const excess = longestStandMs - LOOP_LIMIT_MS;
  return [
    markdownTable([head, ...rows], { align: ['r', 'l', 'r', 'r', 'r'] }),
    `The event loop of ${OURS} stood for ${longestStandMs.toFixed(0)} ms at most; limit ${LOOP_LIMIT_MS}: ${
      excess <= 0 ? 'kept' : `missed by ${excess.toFixed(0)}`
    }.`,
  ].join('\n\n');
}

/** Measures the process at `url`; `loop` is the same process, if it has an event loop. */
async function leave({ url }: { url: string }, stub: Stub, count: number, loop?: MeasuredProcess) {
  using held = await holdMany(url, stub, 0, count);
  await loop?.longestStandMs();
  const hungUpAt = performance.now();
  for (const { connection } of held.orders) connection.hangUp();
  const healthy = send(`${url}/health`).answer.then(() => performance.now() - hungUpAt);
  const stopped = Promise.all(held.orders.map(({ stoppedAt }) => stoppedAt));
  const stoppedMs = Math.max(...(await inTime('hang-ups', stopped))) - hungUpAt;
  const healthMs = await inTime('a health check', healthy);
  return { stoppedMs, healthMs, standMs: (await loop?.longestStandMs()) ?? 0 };
}
