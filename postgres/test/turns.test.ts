import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { ClientDisconnected, Scope } from '#request-scope';
import { TooManyWaiting } from '../src/errors.ts';
import { Turns } from '../src/turns.ts';

test('who comes first is first, and who gives up leaves its place to the next', async () => {
  const turns = new Turns(1, 10);
  const order: string[] = [];
  using scope = new Scope();
  await turns.take(scope);
  const first = turns.take().then(() => order.push('first'));
  const gone = turns.take(scope);
  const last = turns.take().then(() => order.push('last'));
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
  const turns = new Turns(1, 10);
  using scope = new Scope();
  await turns.take();
  const waiting = turns.take(scope);
  turns.end();
  scope.abort(new ClientDisconnected());
  await waiting;
  turns.end();
  await turns.take();
});

test('so many wait, and one more is refused', async () => {
  const turns = new Turns(1, 1);
  await turns.take();
  using scope = new Scope();
  const waiting = turns.take(scope);
  using late = new Scope();
  await expect(turns.take(late)).rejects.toThrow(TooManyWaiting);
  scope.abort(new ClientDisconnected());
  await expect(waiting).rejects.toThrow(ClientDisconnected);
  const other = turns.take(late);
  turns.end();
  await other;
});

test('what nobody may give up waits beyond that', async () => {
  const turns = new Turns(1, 0);
  await turns.take();
  const verdict = turns.take();
  turns.end();
  await verdict;
});

test('all turns are taken once everybody is done', async () => {
  const turns = new Turns(2, 10);
  const order: string[] = [];
  await turns.take();
  await turns.take();
  const waiting = turns.take().then(() => order.push('waited'));
  const all = turns.takeAll().then(() => order.push('all'));
  turns.end();
  await waiting;
  turns.end();
  turns.end();
  await all;
  expect(order).toEqual(['waited', 'all']);
});
