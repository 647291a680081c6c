import { getEventListeners } from 'node:events';
import { ClientDisconnected, Scope } from 'request-scope';
import { expect, test } from 'vitest';
import { TooManyWaiting } from '../src/errors.ts';
import { Turns } from '../src/semaphore.ts';

test('who comes first is first, and who gives up leaves its place to the next', async () => {
  const turns = new Turns(1, 10, 60_000);
  const order: string[] = [];
  using scope = new Scope();
  await turns.take(scope, true);
  const first = turns.take(undefined, false).then(() => order.push('first'));
  const gone = turns.take(scope, true);
  const last = turns.take(undefined, false).then(() => order.push('last'));
  const reason = new ClientDisconnected();
  scope.abort(reason);
  await expect(gone).rejects.toBe(reason);
  turns.end();
  await first;
  turns.end();
  await last;
  expect(order).toEqual(['first', 'last']);
  expect(getEventListeners(scope.signal, 'abort')).toEqual([]);
});

test('no turn is lost to one who gives up as it begins', async () => {
  const turns = new Turns(1, 10, 60_000);
  using scope = new Scope();
  await turns.take(undefined, false);
  const waiting = turns.take(scope, true);
  turns.end();
  scope.abort(new ClientDisconnected());
  await waiting;
  turns.end();
  await turns.take(undefined, false);
});

test('so many wait, and one more is refused', async () => {
  const turns = new Turns(1, 1, 60_000);
  await turns.take(undefined, false);
  using scope = new Scope();
  const waiting = turns.take(scope, true);
  using late = new Scope();
  await expect(turns.take(late, true)).rejects.toThrow(TooManyWaiting);
  scope.abort(new ClientDisconnected());
  await expect(waiting).rejects.toThrow(ClientDisconnected);
  const other = turns.take(late, true);
  turns.end();
  await other;
});

test("what may not be refused waits beyond that, and takes nobody's place", async () => {
  const turns = new Turns(1, 1, 60_000);
  await turns.take(undefined, false);
  using scope = new Scope();
  const verdict = turns.take(scope, false);
  const waiting = turns.take(scope, true);
  await expect(turns.take(scope, true)).rejects.toThrow(TooManyWaiting);
  turns.end();
  await verdict;
  turns.end();
  await waiting;
});

test('all turns are taken once everybody is done', async () => {
  const turns = new Turns(2, 10, 60_000);
  const order: string[] = [];
  await turns.take(undefined, false);
  await turns.take(undefined, false);
  const waiting = turns.take(undefined, false).then(() => order.push('waited'));
  const all = turns.takeAll().then(() => order.push('all'));
  turns.end();
  await waiting;
  turns.end();
  turns.end();
  await all;
  expect(order).toEqual(['waited', 'all']);
});

test('while all are refused those leave who may, also from the line, and the others stay', async () => {
  const turns = new Turns(1, 10, 60_000);
  const reason = new TooManyWaiting();
  await turns.take(undefined, false);
  const waiting = turns.take(undefined, true);
  const verdict = turns.take(undefined, false);
  turns.refuse(reason);
  await expect(waiting).rejects.toBe(reason);
  await expect(turns.take(undefined, true)).rejects.toBe(reason);
  turns.refuse(undefined);
  const next = turns.take(undefined, true);
  turns.end();
  await verdict;
  turns.end();
  await next;
});

test('nobody waits for longer than the longest wait, but who takes all', async () => {
  const turns = new Turns(1, 10, 20);
  await turns.take(undefined, false);
  const all = turns.takeAll();
  await expect(turns.take(undefined, false)).rejects.toThrow(TooManyWaiting);
  turns.end();
  await all;
});
