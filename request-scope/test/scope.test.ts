import { channel } from 'node:diagnostics_channel';
import { getEventListeners } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import {
  ClientDisconnected,
  causeOf,
  DeadlineExceeded,
  GracefulShutdown,
  Scope,
  ShuttingDown,
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

/** What is published while `work` runs, as [event, message]. */
async function published(work: () => unknown): Promise<[string, Record<string, unknown>][]> {
  const seen: [string, Record<string, unknown>][] = [];
  const listeners = ['begun', 'aborted', 'ended'].map((event) => {
    const listener = (message: unknown) => seen.push([event, Object(message)]);
    const events = channel(`request-scope:${event}`);
    events.subscribe(listener);
    return () => events.unsubscribe(listener);
  });
  await work();
  for (const stop of listeners) stop();
  return seen;
}

const elapsedMs = expect.any(Number);

test('a scope tells of its beginning, its first abort and its end, each once', async () => {
  const scopes: Scope[] = [];
  const seen = await published(() => {
    const scope = new Scope();
    scopes.push(scope);
    scope.abort(new ClientDisconnected());
    scope.abort(new ShuttingDown());
    scope[Symbol.dispose]();
    scope[Symbol.dispose]();
  });
  const [scope] = scopes;
  expect(seen).toEqual([
    ['begun', { scope }],
    ['aborted', { scope, code: 'client-disconnected', elapsedMs }],
    ['ended', { scope, elapsedMs }],
  ]);
});

test('a child tells of its parent, and is aborted after it', async () => {
  using parent = new Scope();
  const seen = await published(() => {
    using child = withTimeout(parent, 60_000);
    parent.abort(new ShuttingDown());
    expect(child.signal.aborted).toBe(true);
  });
  const child = seen[0]?.[1].scope;
  expect(seen).toEqual([
    ['begun', { scope: child, parent }],
    ['aborted', { scope: parent, code: 'shutting-down', elapsedMs }],
    ['aborted', { scope: child, code: 'shutting-down', elapsedMs }],
    ['ended', { scope: child, elapsedMs }],
  ]);
});

test('a scope that has no time has begun before it is aborted', async () => {
  const seen = await published(() => aborted(new Scope(0).signal));
  expect(seen.map(([event, { code }]) => [event, code])).toEqual([
    ['begun', undefined],
    ['aborted', 'deadline-exceeded'],
  ]);
});

test('a shutdown in which nothing is aborted tells of nothing', async () => {
  expect(await published(() => new GracefulShutdown().drain(0))).toEqual([]);
});
