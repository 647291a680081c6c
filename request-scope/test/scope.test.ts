import { getEventListeners } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import {
  BUDGET_HEADER,
  budgetHeaders,
  ClientDisconnected,
  causeOf,
  DeadlineExceeded,
  Scope,
  withTimeout,
} from '../src/index.ts';
import { aborted, settled } from './event-loop.ts';

describe('withTimeout', () => {
  test('aborts the child and leaves the parent alone', async () => {
    using parent = new Scope();
    using child = withTimeout(parent, 10);
    expect(await aborted(child.signal)).toBeInstanceOf(DeadlineExceeded);
    expect(parent.signal.aborted).toBe(false);
  });

  test('follows the parent, reason included', () => {
    using parent = new Scope();
    using child = withTimeout(parent, 60_000);
    parent.abort(new ClientDisconnected());
    expect(child.signal.reason).toBe(parent.signal.reason);
  });

  test('is aborted from the start, for the same reason, if the parent is', () => {
    using parent = new Scope(0);
    using child = withTimeout(parent, 60_000);
    expect(child.signal.reason).toBe(parent.signal.reason);
  });

  test('shortens the deadline of the parent and never extends it', () => {
    using parent = new Scope(1_000);
    using shorter = withTimeout(parent, 500);
    using longer = withTimeout(parent, 5_000);
    expect(shorter.remainingMs).toBeLessThanOrEqual(500);
    expect(longer.remainingMs).toBeLessThanOrEqual(1_000);
  });

  test('leaves no listener and no timer behind', () => {
    const timers = () =>
      process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const before = timers();
    using parent = new Scope();
    for (let count = 0; count < 1_000; count += 1) withTimeout(parent, 60_000)[Symbol.dispose]();
    expect(getEventListeners(parent.signal, 'abort')).toEqual([]);
    expect(timers()).toBe(before);
  });
});

test('eleven children of one scope are no reason for a warning', async () => {
  const warnings: Error[] = [];
  const note = (warning: Error) => warnings.push(warning);
  process.on('warning', note);
  using parent = new Scope();
  const children = Array.from({ length: 11 }, () => withTimeout(parent, 60_000));
  await settled();
  process.off('warning', note);
  for (const child of children) child[Symbol.dispose]();
  expect(warnings).toEqual([]);
});

test('what is no number is no timeout', () => {
  using parent = new Scope();
  expect(() => new Scope(Number.NaN)).toThrow('timeoutMs must be a number, it is NaN');
  expect(() => withTimeout(parent, Number.NaN)).toThrow(RangeError);
  expect(() => Reflect.construct(Scope, ['300'])).toThrow(RangeError);
});

describe('Scope', () => {
  test('does not abort when it ends', () => {
    const scope = new Scope(60_000);
    scope[Symbol.dispose]();
    expect(scope.signal.aborted).toBe(false);
  });

  test('keeps its first reason', () => {
    using scope = new Scope(0);
    scope.abort(new ClientDisconnected());
    expect(causeOf(scope.signal.reason, scope)?.code).toBe('deadline-exceeded');
  });

  test('a longer timeout than a timer can wait does not fire at once', async () => {
    using scope = new Scope(2 ** 40);
    await new Promise((resolve) => setTimeout(resolve, 5));
    await settled();
    expect(scope.signal.aborted).toBe(false);
  });

  test('timeouts fire under garbage collection', async () => {
    setFlagsFromString('--expose-gc');
    const collect: () => void = runInNewContext('gc');
    const waiting = Array.from({ length: 200 }, () => {
      const parent = new Scope();
      return aborted(withTimeout(parent, 50).signal);
    });
    const collecting = setInterval(collect, 5);
    const reasons = await Promise.all(waiting);
    clearInterval(collecting);
    expect(reasons.every((reason) => reason instanceof DeadlineExceeded)).toBe(true);
  });
});

describe('budgetHeaders', () => {
  test('says what is left in whole milliseconds, rounded down', () => {
    using scope = new Scope(1_000);
    const left = Number(budgetHeaders(scope)[BUDGET_HEADER]);
    expect(Number.isInteger(left)).toBe(true);
    expect(left).toBeLessThan(1_000);
  });

  test('never says 0, which Envoy reads as no limit', () => {
    using scope = new Scope(0);
    expect(budgetHeaders(scope)).toEqual({ [BUDGET_HEADER]: '1' });
  });

  test('says nothing without a deadline', () => {
    using scope = new Scope();
    expect(budgetHeaders(scope)).toEqual({});
  });
});
