import { channel } from 'node:diagnostics_channel';
import { getEventListeners } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { runInScope } from '../src/fetch.ts';
import {
  ClientDisconnected,
  DeadlineExceeded,
  GracefulShutdown,
  type Scope,
} from '../src/index.ts';
import { budget, LONG_MS } from './adapter-contract.ts';
import { aborted, settled, timers } from './event-loop.ts';

const URL = 'http://orders/';
const [BUDGET = ''] = budget(LONG_MS).split(':');

/** A request, a client that can leave, and whether a scope of the request is open. */
function ask(init: RequestInit = {}) {
  const client = new AbortController();
  const request = new Request(URL, { ...init, signal: client.signal });
  const isOpen = () => getEventListeners(request.signal, 'abort').length > 0;
  return { request, isOpen, hangUp: () => client.abort() };
}

/** A body of two parts, after which it ends or fails. */
const parts = (
  end: (controller: ReadableStreamDefaultController) => void,
  cancel: () => void | Promise<void> = () => {},
) => {
  const rest = ['first', 'second'].map((part) => new TextEncoder().encode(part));
  return new ReadableStream({
    pull(controller) {
      const part = rest.shift();
      if (part) controller.enqueue(part);
      else end(controller);
    },
    cancel,
  });
};

test('the request is aborted: its scope aborts', async () => {
  const { request, isOpen, hangUp } = ask();
  await runInScope(request, async ({ signal }) => {
    hangUp();
    expect(await aborted(signal)).toBeInstanceOf(ClientDisconnected);
    return Response.error();
  });
  expect(isOpen()).toBe(false);
});

test('the request was aborted before: its scope is from the start', async () => {
  const { request, hangUp } = ask();
  hangUp();
  await runInScope(request, ({ signal }) => {
    expect(signal.reason).toBeInstanceOf(ClientDisconnected);
    return Response.error();
  });
});

test('the budget ends it', async () => {
  const { request } = ask({ headers: { [BUDGET]: '10' } });
  await runInScope(request, async ({ signal }) => {
    expect(await aborted(signal)).toBeInstanceOf(DeadlineExceeded);
    return Response.error();
  });
});

test('the timer of its budget ends with it', async () => {
  const { request } = ask({ headers: { [BUDGET]: `${LONG_MS}` } });
  const before = timers();
  await runInScope(request, () => {
    expect(timers()).toBe(before + 1);
    return Response.error();
  });
  expect(timers()).toBe(before);
});

test.each([
  ['throws', () => Promise.reject(new Error('no such order'))],
  ['throws at once', () => JSON.parse('no such order')],
])('a handler that %s ends the scope, and its error is passed on', async (_row, work) => {
  const { request, isOpen } = ask();
  await expect(runInScope(request, work)).rejects.toThrow('no such order');
  expect(isOpen()).toBe(false);
});

test('status, headers and cookies of the answer survive', async () => {
  const headers = new Headers([
    ['Set-Cookie', 'a=1'],
    ['Set-Cookie', 'b=2'],
    ['Content-Type', 'text/x-order'],
  ]);
  const made = new Response('made', { status: 201, statusText: 'Made', headers });
  const answer = await runInScope(ask().request, () => made);
  expect([answer.status, answer.statusText, await answer.text()]).toEqual([201, 'Made', 'made']);
  expect([...answer.headers]).toEqual([...made.headers]);
});

describe('an answer that nobody reads', () => {
  test('is not waited for by a drain', async () => {
    const shutdown = new GracefulShutdown();
    await runInScope(ask().request, () => new Response('late'), { shutdown });
    await settled();
    await shutdown.drain(LONG_MS);
  });

  test('is waited for once somebody begins to read it', async () => {
    const shutdown = new GracefulShutdown();
    const answer = await runInScope(ask().request, () => new Response('late'), { shutdown });
    await settled();
    const reader = answer.body?.getReader();
    await reader?.read();
    let isDrained = false;
    const drained = shutdown.drain(LONG_MS).then(() => {
      isDrained = true;
    });
    await settled();
    expect(isDrained).toBe(false);
    await reader?.read();
    await drained;
  });

  test('ends its scope and timer when it is garbage collected', async () => {
    const ended = channel('request-scope:ended');
    const { request } = ask({ headers: { [BUDGET]: `${LONG_MS}` } });
    const before = timers();
    const end = new Promise<void>((resolve) => ended.subscribe(() => resolve()));
    await runInScope(request, () => new Response('late'));
    setFlagsFromString('--expose-gc');
    const collect: () => void = runInNewContext('gc');
    const collecting = setInterval(collect, 5);
    await end;
    clearInterval(collecting);
    expect(timers()).toBeLessThanOrEqual(before); // Of others, some may have ended.
  });
});

test('it ends with the last byte of a streamed body', async () => {
  const { request, isOpen } = ask();
  const body = parts((controller) => controller.close());
  const answer = await runInScope(request, () => new Response(body));
  const seen: string[] = [];
  for await (const part of answer.body ?? []) {
    expect(isOpen()).toBe(true);
    seen.push(new TextDecoder().decode(part));
  }
  expect(seen).toEqual(['first', 'second']);
  expect(isOpen()).toBe(false);
});

test('a body that errors ends the scope, and errors', async () => {
  const { request, isOpen } = ask();
  const body = parts((controller) => controller.error(new Error('disk full')));
  const answer = await runInScope(request, () => new Response(body));
  await expect(answer.text()).rejects.toThrow('disk full');
  expect(isOpen()).toBe(false);
});

test('cancel_after_first_response: a canceled body aborts it, and its source', async () => {
  const { request, isOpen } = ask();
  const seen: string[] = [];
  const body = parts(
    () => {},
    () => void seen.push('source canceled'),
  );
  let signal: AbortSignal | undefined;
  const answer = await runInScope(request, (scope: Scope) => {
    signal = scope.signal;
    return new Response(body);
  });
  const reader = answer.body?.getReader();
  await reader?.read();
  expect(signal?.aborted).toBe(false);
  await reader?.cancel();
  expect(signal?.reason).toBeInstanceOf(ClientDisconnected);
  expect(seen).toEqual(['source canceled']);
  expect(isOpen()).toBe(false);
});

test.each([
  ['', () => {}],
  [', although it fails', () => Promise.reject(new Error('cannot be canceled'))],
  [', although that never ends', () => new Promise<void>(() => {})],
])('the body of an answer to HEAD is canceled%s; its headers stay', async (_row, cancel) => {
  const { request, isOpen } = ask({ method: 'HEAD' });
  const seen: string[] = [];
  const body = parts(
    () => {},
    () => {
      seen.push('source canceled');
      return cancel();
    },
  );
  const answer = await runInScope(request, () => new Response(body, { headers: { ETag: 'x' } }));
  expect(seen).toEqual(['source canceled']);
  expect([answer.body, answer.headers.get('ETag')]).toEqual([null, 'x']);
  expect(isOpen()).toBe(false);
});

test('an answer to HEAD without a body stays what it is', async () => {
  const failed = Response.error();
  expect(await runInScope(ask({ method: 'HEAD' }).request, () => failed)).toBe(failed);
});
