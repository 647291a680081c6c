import { beforeEach, expect, inject } from 'vitest';
import type { StackLoad, StackOutcome } from '../../harness/stack-load.ts';
import type { TaskLine } from '../../harness/swarm-stack.ts';
import { SwarmStack } from '../../harness/swarm-stack.ts';
import { judge } from '../support/judge.ts';

/** The durations in the tests' stack.yml. */
const WORK_MS: Record<string, number> = { 'inventory-service': 200, 'payment-service': 300 };

/** Orders between two steps of a scene. */
export const ORDERS = 500;

/** The stack that setup.ts has deployed. */
export const stack = new SwarmStack();

/** Skips each test if there is no Swarm. */
export function needsSwarm(): void {
  const missing = inject('missing');
  beforeEach(({ skip }) => skip(missing !== '', missing));
}

/** Does `work` while callers place orders, checks each promise about money, and returns a summary in `seen`. */
export async function underLoad(work: (load: StackLoad) => Promise<void>) {
  await using load = stack.load();
  const since = Date.now();
  load.start();
  await load.processed(ORDERS);
  await work(load);
  await load.processed(ORDERS);
  await load.stop();
  const failed = load.patient.filter(({ status }) => status !== 200);
  const money = await judge(load, stack);
  const aborts = workAfterAbort(await stack.lines(since));
  const seen = `${failed.length} of ${load.patient.length} patient orders failed; ${money}, no void open; ${aborts}`;
  return { failed, seen };
}

/** Summarizes how long work continued after its order was canceled, by the times in the log. */
function workAfterAbort(lines: readonly TaskLine[]): string {
  const canceledAt = new Map<unknown, number>();
  for (const { service, msg, requestId, time } of lines) {
    if (service === 'order-service' && msg === 'Order canceled: client disconnected') {
      canceledAt.set(requestId, time);
    }
  }
  const after: number[] = [];
  for (const { service, msg, requestId, time } of lines) {
    const since = canceledAt.get(requestId);
    const isEnd = /^(Inventory check|Payment processing) canceled/.test(msg);
    if (service !== 'order-service' && isEnd && since !== undefined) {
      after.push(Math.max(0, time - since));
    }
  }
  after.sort((a, b) => a - b);
  const at = (share: number) => after[Math.ceil(after.length * share) - 1] ?? 0;
  return `work after ${after.length} aborts: median ${at(0.5)} ms, at most ${at(1)} ms`;
}

/** Counts the requests that each task began between two times, by service. */
export function shares(lines: readonly TaskLine[], from: number, to: number) {
  const begun = new Map<string, Map<string, number>>();
  for (const line of lines) {
    const at = begunAt(line);
    if (at === undefined || at < from || at >= to) continue;
    const tasks = begun.get(line.service) ?? new Map<string, number>();
    tasks.set(line.task, (tasks.get(line.task) ?? 0) + 1);
    begun.set(line.service, tasks);
  }
  return begun;
}

/** For each task that got SIGTERM: the requests that it began afterwards, and the time of the last. */
export function lateRequests(lines: readonly TaskLine[]) {
  return lines
    .filter(({ msg }) => msg === 'Shutting down: SIGTERM')
    .map(({ task, time, service }) => {
      const own = lines.filter((line) => line.task === task);
      const late = own.map(begunAt).filter((at) => at !== undefined && at > time) as number[];
      return { service, count: late.length, lastMs: Math.max(0, ...late.map((at) => at - time)) };
    });
}

/** The time at which the line's request began, if the line shows it. */
function begunAt({ service, msg, time }: TaskLine): number | undefined {
  if (msg.startsWith('Placing order')) return time;
  const isDone = /^(Inventory check completed|Payment processed)/.test(msg);
  return isDone ? time - (WORK_MS[service] ?? 0) : undefined;
}

/** Fails unless each failed order was in progress, or sent, between two times. */
export function expectTouched(failed: readonly StackOutcome[], from: number, to: number): void {
  const others = failed.filter(({ sentAt, endedAt }) => endedAt < from || sentAt > to);
  expect(others).toEqual([]);
}
