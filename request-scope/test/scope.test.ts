import { channel } from 'node:diagnostics_channel';
import { getEventListeners, getMaxListeners } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import axios from 'axios';
import { describe, expect, test } from 'vitest';
import {
  ClientDisconnected,
  causeOf,
  DeadlineExceeded,
  GracefulShutdown,
  Scope,
  type ScopeView,
  ShuttingDown,
  withTimeout,
} from '../src/index.ts';
import { aborted, settled, timers } from './event-loop.ts';
import { startProbe } from './probe.ts';

describe('a child', () => {
  test('aborts after its timeout and leaves the parent alone', async () => {
    using parent = new Scope();
    using child = parent.child(10);
    expect(await aborted(child.signal)).toBeInstanceOf(DeadlineExceeded);
    expect(parent.signal.aborted).toBe(false);
  });

  test('follows the parent, reason included', () => {
    using parent = new Scope();
    using child = parent.child(60_000);
    parent.abort(new ClientDisconnected());
    expect(child.signal.reason).toBe(parent.signal.reason);
  });

  test('is aborted from the start, for the same reason, if the parent is', () => {
    using parent = new Scope(0);
    using child = parent.child(60_000);
    expect(child.signal.reason).toBe(parent.signal.reason);
  });

  test('shortens the deadline of the parent and never extends it', () => {
    using parent = new Scope(1_000);
    using shorter = parent.child(500);
    using longer = parent.child(5_000);
    expect(shorter.remainingMs).toBeLessThanOrEqual(500);
    expect(longer.remainingMs).toBeLessThanOrEqual(1_000);
  });

  test('leaves no listener and no timer behind', () => {
    const before = timers();
    using parent = new Scope();
    for (let count = 0; count < 1_000; count += 1) parent.child(60_000)[Symbol.dispose]();
    expect(getEventListeners(parent.signal, 'abort')).toEqual([]);
    expect(timers()).toBe(before);
  });
});

describe('withTimeout', () => {
  const named = (name: string, more = {}) => Object.assign(new Error('aborted'), { name, ...more });

  /** Fails with `error` once `signal` has aborted. */
  const failing = (error: unknown) => async (child: ScopeView) => {
    await aborted(child.signal);
    throw error;
  };

  /** Blocks the event loop, timers included, until `scope` has no time left. */
  const block = (scope: ScopeView) => {
    while (scope.remainingMs > 0);
  };

  test('resolves with the result, and ends the child', async () => {
    const before = timers();
    using parent = new Scope();
    const result = await withTimeout(parent, 60_000, async ({ signal, remainingMs }) => {
      expect(getEventListeners(parent.signal, 'abort')).toHaveLength(1);
      expect(remainingMs).toBeLessThanOrEqual(60_000);
      return signal.aborted;
    });
    expect(result).toBe(false);
    expect(getEventListeners(parent.signal, 'abort')).toEqual([]);
    expect(timers()).toBe(before);
  });

  test.each<[string, unknown]>([
    ['axios', named('CanceledError', { code: 'ERR_CANCELED' })],
    ['got, whose cause is no error', named('AbortError', { code: 'ERR_ABORTED', cause: {} })],
    ['node-fetch', named('AbortError')],
    ['superagent', named('Error', { code: 'ABORTED' })],
    ['OpenAI', named('Error', { constructor: { name: 'APIUserAbortError' } })],
    ['a database driver', named('PostgresError', { code: '57014' })],
    ['nothing but a string', 'aborted'],
  ])('throws its cause in place of the error of %s', async (_client, error) => {
    using parent = new Scope();
    const thrown = await withTimeout(parent, 10, failing(error)).catch((reason) => reason);
    expect(thrown).toBeInstanceOf(DeadlineExceeded);
    expect(causeOf(thrown, parent)).toBe(thrown);
    expect(parent.signal.aborted).toBe(false);
    expect(getEventListeners(parent.signal, 'abort')).toEqual([]);
  });

  test('does so with axios itself', async () => {
    await using probe = await startProbe();
    using parent = new Scope();
    const url = `http://127.0.0.1:${probe.port}/`;
    const call = withTimeout(parent, 20, ({ signal }) => axios.get(url, { signal }));
    await expect(call).rejects.toBeInstanceOf(DeadlineExceeded);
  });

  test("throws its parent's cause where that ended the work", async () => {
    using parent = new Scope();
    const call = withTimeout(parent, 60_000, failing(named('AbortError')));
    parent.abort(new ClientDisconnected());
    await expect(call).rejects.toBe(parent.signal.reason);
  });

  test('throws its cause where the work ends quietly after the abort', async () => {
    using parent = new Scope();
    const stream = async ({ signal }: ScopeView) => {
      await aborted(signal);
      return 'half of it';
    };
    await expect(withTimeout(parent, 10, stream)).rejects.toBeInstanceOf(DeadlineExceeded);
  });

  test.each<[string, (child: ScopeView) => unknown]>([
    ['that succeeds', block],
    [
      'that fails',
      (child) => {
        block(child);
        throw new Error('connection lost');
      },
    ],
  ])('work %s past the deadline is too late, although no timer has fired', async (_how, work) => {
    using parent = new Scope();
    await expect(withTimeout(parent, 5, work)).rejects.toBeInstanceOf(DeadlineExceeded);
  });

  test('a bug stays a bug, also after the abort', async () => {
    using parent = new Scope();
    const bug = new TypeError('x is undefined');
    await expect(withTimeout(parent, 10, failing(bug))).rejects.toBe(bug);
  });

  test.each<[string, Error]>([
    ['of its own', new Error('no stock')],
    ["around a grandchild's timeout", new Error('no stock', { cause: new DeadlineExceeded() })],
  ])('an error %s stays as it is while nothing was aborted', async (_what, error) => {
    using parent = new Scope();
    await expect(withTimeout(parent, 60_000, () => Promise.reject(error))).rejects.toBe(error);
    const thrower = () => {
      throw error;
    };
    await expect(withTimeout(parent, 60_000, thrower)).rejects.toBe(error);
  });

  test('waits for work that ignores its signal', async () => {
    using parent = new Scope();
    let hasReturned = false;
    let finish = () => {};
    const work = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const call = withTimeout(parent, 60_000, () => work)
      .catch((error) => error)
      .finally(() => {
        hasReturned = true;
      });
    parent.abort(new ClientDisconnected());
    await settled();
    expect(hasReturned).toBe(false);
    finish();
    expect(await call).toBeInstanceOf(ClientDisconnected);
  });

  test('does not begin work that is canceled already', async () => {
    using parent = new Scope(0);
    let hasBegun = false;
    const work = () => {
      hasBegun = true;
    };
    await expect(withTimeout(parent, 60_000, work)).rejects.toBe(parent.signal.reason);
    expect(hasBegun).toBe(false);
  });

  test('hands the work a scope that it can neither abort nor end, by its type', async () => {
    using parent = new Scope();
    const callee = (scope: ScopeView) => withTimeout(scope, 10, () => Object.keys(scope));
    await withTimeout(parent, 60_000, async (child) => {
      // @ts-expect-error
      expect(child.abort).toBeTypeOf('function');
      // @ts-expect-error
      expect(child[Symbol.dispose]).toBeTypeOf('function');
      await callee(child);
    });
  });

  test.each<[string, unknown, string]>([
    ['null', null, 'client-disconnected'],
    ['an AbortError', AbortSignal.abort().reason, 'client-disconnected'],
    ["a framework's own error", new Error('rpc canceled'), 'client-disconnected'],
    ['that of AbortSignal.timeout', named('TimeoutError'), 'deadline-exceeded'],
    ['a Cancellation', new ShuttingDown(), 'shutting-down'],
  ])('follows a foreign signal, whose reason, %s, becomes a cause', async (_row, reason, code) => {
    const foreign = new AbortController();
    const parent = { signal: foreign.signal, remainingMs: Number.POSITIVE_INFINITY };
    const seen = await published(async () => {
      const call = withTimeout(parent, 60_000, failing(named('AbortError')));
      foreign.abort(reason);
      const error = await call.catch((thrown) => thrown);
      expect(error).toMatchObject({ code });
      expect(causeOf(error, parent)).toBe(error);
      expect([error, error.cause]).toContain(reason);
    });
    expect(seen.map(([event, message]) => [event, message.code])).toEqual([
      ['begun', undefined],
      ['aborted', code],
      ['ended', undefined],
    ]);
    expect(causeOf(new TypeError('x is undefined'), parent)).toBeUndefined();
  });

  test('refuses a timeout that is not a number', async () => {
    using parent = new Scope();
    await expect(withTimeout(parent, Number.NaN, () => {})).rejects.toThrow(RangeError);
  });
});

test("undici's fetch can ask how many calls may follow a signal", () => {
  using scope = new Scope();
  for (const { signal } of [scope, new GracefulShutdown()]) {
    expect(getMaxListeners(signal)).toBe(Number.POSITIVE_INFINITY);
  }
});

test('eleven children of one scope cause no warning', async () => {
  const warnings: Error[] = [];
  const note = (warning: Error) => warnings.push(warning);
  process.on('warning', note);
  using parent = new Scope();
  const children = Array.from({ length: 11 }, () => parent.child(60_000));
  await settled();
  process.off('warning', note);
  for (const child of children) child[Symbol.dispose]();
  expect(warnings).toEqual([]);
});

test('a timeout that is not a number is a RangeError', () => {
  using parent = new Scope();
  expect(() => new Scope(Number.NaN)).toThrow('timeoutMs must be a number, it is NaN');
  expect(() => parent.child(Number.NaN)).toThrow(RangeError);
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
      return aborted(parent.child(50).signal);
    });
    const collecting = setInterval(collect, 5);
    const reasons = await Promise.all(waiting);
    clearInterval(collecting);
    expect(reasons.every((reason) => reason instanceof DeadlineExceeded)).toBe(true);
  });
});

/** The messages published while `work` runs, as [event, message]. */
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

test('a scope publishes its beginning, its first abort and its end, each once', async () => {
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

test('a child names its parent, and is aborted after it', async () => {
  using parent = new Scope();
  const seen = await published(() => {
    using child = parent.child(60_000);
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

test('a scope with a timeout of 0 is published as begun before it is published as aborted', async () => {
  const seen = await published(() => aborted(new Scope(0).signal));
  expect(seen.map(([event, { code }]) => [event, code])).toEqual([
    ['begun', undefined],
    ['aborted', 'deadline-exceeded'],
  ]);
});

test('a shutdown in which nothing is aborted publishes nothing', async () => {
  expect(await published(() => new GracefulShutdown().drain(0))).toEqual([]);
});
