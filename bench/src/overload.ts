import { setTimeout as sleep } from 'node:timers/promises';
import { startPostgres } from '../../harness/postgres.ts';
import { type Caller, type CallerKind, callFrom } from './callers.ts';
import { DatabaseWork, LOG_SETTINGS } from './database-work.ts';
import { MeasuredProcess } from './measured-process.ts';

export const CONNECTIONS = 10;
export const QUERY_MS = 100;

/** How many queries per second the database has room for. */
export const CAPACITY = CONNECTIONS * (1_000 / QUERY_MS);

/** A caller that waits, and sends its timeout as a budget. */
export const PATIENT: CallerKind = { timeoutMs: 5_000, sendsBudget: true };

/** Shares from 0 to 1. */
export interface Goodput {
  /** Patient callers that got their answer in time. */
  served: number;
  /** The same for callers of the second half. */
  servedLater: number;
  /** Answers in time, to impatient callers too, as a share of the capacity. */
  capacity: number;
  /** The share of the database's work for callers that got no answer in time. */
  forNobody: number;
  /** The share of the database's work after the caller had hung up. */
  afterLeaving: number;
}

/** The goodput of one contender under one load, which is a multiple of the capacity. */
export interface Measured extends Goodput {
  name: string;
  load: number;
}

/**
 * Starts the inventory service `entry` with a new database, and sends it a crowd for `durationMs`: `perSecond`
 * callers, half of them patient, half `impatient`.
 */
export async function overload(
  entry: string,
  perSecond: number,
  impatient: CallerKind,
  durationMs: number,
): Promise<Goodput> {
  let work = new DatabaseWork();
  await using postgres = await startPostgres(LOG_SETTINGS, (line) => work.read(line));
  await using service = await MeasuredProcess.start(entry, '', {
    DATABASE_URL: postgres.url,
    DATABASE_CONNECTIONS: String(CONNECTIONS),
    CHECK_DURATION_MS: String(QUERY_MS),
  });
  await warmUp(service.url);
  work = new DatabaseWork();
  // Callers keep arriving until the last one that counts has ended.
  const crowd = { perSecond, durationMs: durationMs + PATIENT.timeoutMs };
  const { startedAt, callers } = await callFrom(
    { ...crowd, kinds: [PATIENT, impatient] },
    service.url,
  );
  return goodput(callers, work, startedAt, startedAt + durationMs);
}

/** Sends a load below the capacity until the code is compiled and all connections are open. */
async function warmUp(url: string): Promise<void> {
  await sleep(2_000); // Until it has found its database.
  const crowd = { perSecond: CAPACITY * 0.8, durationMs: 5_000, kinds: [PATIENT] };
  const { callers } = await callFrom(crowd, url);
  if (callers.some(({ isServed }) => !isServed)) throw new Error('it fails below its capacity');
}

function goodput(
  callers: Caller[],
  { byParameter }: DatabaseWork,
  from: number,
  to: number,
): Goodput {
  const arrived = callers.filter(
    ({ timeoutMs, arrivedAt }) => timeoutMs === PATIENT.timeoutMs && arrivedAt < to,
  );
  const later = arrived.filter(({ arrivedAt }) => arrivedAt >= (from + to) / 2);
  const answered = callers.filter(({ isServed, endedAt }) => isServed && endedAt < to);
  let all = 0;
  let forNobody = 0;
  let afterLeaving = 0;
  for (const { id, isServed, endedAt } of callers) {
    const query = byParameter.get(id);
    if (!query) continue;
    const since = (time: number) =>
      Math.max(0, Math.min(query.endedAt, to) - Math.max(query.startedAt, time));
    all += since(from);
    if (isServed) continue;
    forNobody += since(from);
    afterLeaving += since(endedAt);
  }
  return {
    served: shareServed(arrived),
    servedLater: shareServed(later),
    capacity: answered.length / (CAPACITY * ((to - from) / 1_000)),
    forNobody: forNobody / all,
    afterLeaving: afterLeaving / all,
  };
}

function shareServed(callers: Caller[]): number {
  return callers.filter(({ isServed }) => isServed).length / callers.length;
}
