import { expect, test } from 'vitest';
import { withScope } from '../src/fetch.ts';
import { ClientDisconnected, type Scope } from '../src/index.ts';
import { ask, parts } from './fetch-probe.ts';

test('it ends with the last byte of a streamed body', async () => {
  const { request, isOpen } = ask();
  const body = parts((controller) => controller.close());
  const answer = await withScope(request, () => new Response(body));
  const seen: string[] = [];
  for await (const part of answer.body ?? []) {
    expect(isOpen()).toBe(true);
    seen.push(new TextDecoder().decode(part));
  }
  expect(seen).toEqual(['first', 'second']);
  expect(isOpen()).toBe(false);
});

test('a body that errors ends it, and errors', async () => {
  const { request, isOpen } = ask();
  const body = parts((controller) => controller.error(new Error('disk full')));
  const answer = await withScope(request, () => new Response(body));
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
  const answer = await withScope(request, (scope: Scope) => {
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
  const answer = await withScope(request, () => new Response(body, { headers: { ETag: 'x' } }));
  expect(seen).toEqual(['source canceled']);
  expect([answer.body, answer.headers.get('ETag')]).toEqual([null, 'x']);
  expect(isOpen()).toBe(false);
});

test('an answer to HEAD without a body stays what it is', async () => {
  const failed = Response.error();
  expect(await withScope(ask({ method: 'HEAD' }).request, () => failed)).toBe(failed);
});
