import { expect, test } from 'vitest';
import { withScope } from '../src/fetch.ts';
import { ClientDisconnected, DeadlineExceeded } from '../src/index.ts';
import { LONG_MS } from './adapter-contract.ts';
import { aborted, timers } from './event-loop.ts';
import { ask, BUDGET } from './fetch-probe.ts';

test('the request is aborted: its scope aborts', async () => {
  const { request, isOpen, hangUp } = ask();
  await withScope(request, async ({ signal }) => {
    hangUp();
    expect(await aborted(signal)).toBeInstanceOf(ClientDisconnected);
    return Response.error();
  });
  expect(isOpen()).toBe(false);
});

test('the request was aborted before: its scope is from the start', async () => {
  const { request, hangUp } = ask();
  hangUp();
  await withScope(request, ({ signal }) => {
    expect(signal.reason).toBeInstanceOf(ClientDisconnected);
    return Response.error();
  });
});

test('the budget ends it', async () => {
  const { request } = ask({ headers: { [BUDGET]: '10' } });
  await withScope(request, async ({ signal }) => {
    expect(await aborted(signal)).toBeInstanceOf(DeadlineExceeded);
    return Response.error();
  });
});

test('its timer goes with it', async () => {
  const { request } = ask({ headers: { [BUDGET]: `${LONG_MS}` } });
  const before = timers();
  await withScope(request, () => {
    expect(timers()).toBe(before + 1);
    return Response.error();
  });
  expect(timers()).toBe(before);
});

test.each([
  ['throws', () => Promise.reject(new Error('no such order'))],
  ['throws at once', () => JSON.parse('no such order')],
])('a handler that %s ends it, and its error goes on', async (_row, work) => {
  const { request, isOpen } = ask();
  await expect(withScope(request, work)).rejects.toThrow('no such order');
  expect(isOpen()).toBe(false);
});

test('status, headers and cookies of the answer survive', async () => {
  const headers = new Headers([
    ['Set-Cookie', 'a=1'],
    ['Set-Cookie', 'b=2'],
    ['Content-Type', 'text/x-order'],
  ]);
  const made = new Response('made', { status: 201, statusText: 'Made', headers });
  const answer = await withScope(ask().request, () => made);
  expect([answer.status, answer.statusText, await answer.text()]).toEqual([201, 'Made', 'made']);
  expect([...answer.headers]).toEqual([...made.headers]);
});
