import { beforeAll, beforeEach, expect, inject } from 'vitest';
import { KubernetesStack } from '../../harness/kubernetes-stack.ts';
import type { PodLine } from '../../harness/pod-logs.ts';
import type { StackLoad, StackOutcome } from '../../harness/stack-load.ts';
import { judge } from '../support/judge.ts';

/** The durations in overlay/kustomization.yaml. */
const WORK_MS: Record<string, number> = { 'inventory-service': 200, 'payment-service': 300 };

/** Between two steps of a scene, the orders of this many seconds. */
const SECONDS = 5;

/** The stack that setup.ts has deployed. */
export let stack: KubernetesStack;

/** Skips each test if there is no cluster. */
export function needsCluster(): void {
  const missing = inject('missing');
  beforeAll(async () => {
    if (missing) return undefined;
    stack = await KubernetesStack.connect();
    return () => stack[Symbol.asyncDispose]();
  });
  beforeEach(({ skip }) => skip(missing !== '', missing));
}

/** Resolves once the patient orders of a few more seconds have been processed. */
export async function goOn(load: StackLoad): Promise<void> {
  await load.processed(SECONDS * inject('perSecond'));
}

/** Does `work` while callers place orders, checks each promise about money, and returns a summary in `seen`. */
export async function underLoad(work: (load: StackLoad) => Promise<void>) {
  await using load = stack.load();
  await using log = stack.record();
  await load.start(inject('perSecond'));
  await goOn(load);
  await work(load);
  await goOn(load);
  await load.stop();
  const failed = load.patient.filter(({ status }) => status !== 200);
  const money = await judge(load, stack);
  await log.settled();
  const aborts = workAfterAbort(log.lines);
  const seen = `${failed.length} of ${load.patient.length} patient orders failed; ${money}, no void open; ${aborts}`;
  return { failed, seen, lines: log.lines };
}

/** Summarizes how long work continued after its order was canceled, by the times in the log. */
function workAfterAbort(lines: readonly PodLine[]): string {
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

/** Counts the requests that each pod began between two times, by service. */
export function shares(lines: readonly PodLine[], from: number, to: number) {
  const begun = new Map<string, Map<string, number>>();
  for (const line of lines) {
    const at = begunAt(line);
    if (at === undefined || at < from || at >= to) continue;
    const pods = begun.get(line.service) ?? new Map<string, number>();
    pods.set(line.pod, (pods.get(line.pod) ?? 0) + 1);
    begun.set(line.service, pods);
  }
  return begun;
}

/** For each pod that got SIGTERM after a time: the requests that it began afterwards, and the time of the last. */
export function lateRequests(lines: readonly PodLine[], from: number) {
  return lines
    .filter(({ msg, time }) => msg === 'Shutting down: SIGTERM' && time >= from)
    .map(({ pod, time, service }) => {
      const own = lines.filter((line) => line.pod === pod);
      const late = own.map(begunAt).filter((at) => at !== undefined && at > time) as number[];
      return { service, count: late.length, lastMs: Math.max(0, ...late.map((at) => at - time)) };
    });
}

/** The time at which the line's request began, if the line shows it. */
function begunAt({ service, msg, time }: PodLine): number | undefined {
  if (msg.startsWith('Placing order')) return time;
  const isDone = /^(Inventory check completed|Payment processed)/.test(msg);
  return isDone ? time - (WORK_MS[service] ?? 0) : undefined;
}

/** Fails unless each failed order was in progress, or sent, between two times. */
export function expectTouched(failed: readonly StackOutcome[], from: number, to: number): void {
  const others = failed.filter(({ sentAt, endedAt }) => endedAt < from || sentAt > to);
  expect(others).toEqual([]);
}
