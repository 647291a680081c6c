import { channel } from 'node:diagnostics_channel';
import { expect, test } from 'vitest';
import {
  ClientDisconnected,
  GracefulShutdown,
  Scope,
  ShuttingDown,
  withTimeout,
} from '../src/index.ts';
import { aborted } from './event-loop.ts';

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
