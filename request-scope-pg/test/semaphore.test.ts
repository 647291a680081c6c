import { getEventListeners } from 'node:events';
import { ClientDisconnected, Scope } from 'request-scope';
import { expect, test } from 'vitest';
import { TooManyWaiting } from '../src/errors.ts';
import { Semaphore } from '../src/semaphore.ts';

test('callers wait in FIFO order, and one that aborts leaves the queue', async () => {
  const semaphore = new Semaphore(1, { maxWaiting: 10, maxWaitMs: 60_000 });
  const order: string[] = [];
  using scope = new Scope();
  await semaphore.acquire(scope.signal, { refusable: true });
  const first = semaphore.acquire().then(() => order.push('first'));
  const gone = semaphore.acquire(scope.signal, { refusable: true });
  const last = semaphore.acquire().then(() => order.push('last'));
  const reason = new ClientDisconnected();
  scope.abort(reason);
  await expect(gone).rejects.toBe(reason);
  semaphore.release();
  await first;
  semaphore.release();
  await last;
  expect(order).toEqual(['first', 'last']);
  expect(getEventListeners(scope.signal, 'abort')).toEqual([]);
});

test('no permit is lost to a caller that aborts as it gets one', async () => {
  const semaphore = new Semaphore(1, { maxWaiting: 10, maxWaitMs: 60_000 });
  using scope = new Scope();
  await semaphore.acquire();
  const waiting = semaphore.acquire(scope.signal, { refusable: true });
  semaphore.release();
  scope.abort(new ClientDisconnected());
  await waiting;
  semaphore.release();
  await semaphore.acquire();
});

test('beyond maxWaiting a refusable caller is refused', async () => {
  const semaphore = new Semaphore(1, { maxWaiting: 1, maxWaitMs: 60_000 });
  await semaphore.acquire();
  using scope = new Scope();
  const waiting = semaphore.acquire(scope.signal, { refusable: true });
  using late = new Scope();
  await expect(semaphore.acquire(late.signal, { refusable: true })).rejects.toThrow(TooManyWaiting);
  scope.abort(new ClientDisconnected());
  await expect(waiting).rejects.toThrow(ClientDisconnected);
  const other = semaphore.acquire(late.signal, { refusable: true });
  semaphore.release();
  await other;
});

test('a caller that is not refusable waits beyond that, and does not count', async () => {
  const semaphore = new Semaphore(1, { maxWaiting: 1, maxWaitMs: 60_000 });
  await semaphore.acquire();
  using scope = new Scope();
  const necessary = semaphore.acquire(scope.signal);
  const waiting = semaphore.acquire(scope.signal, { refusable: true });
  await expect(semaphore.acquire(scope.signal, { refusable: true })).rejects.toThrow(
    TooManyWaiting,
  );
  semaphore.release();
  await necessary;
  semaphore.release();
  await waiting;
});

test('drain resolves once all who work or wait are done', async () => {
  const semaphore = new Semaphore(2, { maxWaiting: 10, maxWaitMs: 60_000 });
  const order: string[] = [];
  await semaphore.acquire();
  await semaphore.acquire();
  const waiting = semaphore.acquire().then(() => order.push('waited'));
  const all = semaphore.drain().then(() => order.push('all'));
  semaphore.release();
  await waiting;
  semaphore.release();
  semaphore.release();
  await all;
  expect(order).toEqual(['waited', 'all']);
});

test('refuse rejects the refusable, also those in the queue, and the others stay', async () => {
  const semaphore = new Semaphore(1, { maxWaiting: 10, maxWaitMs: 60_000 });
  const reason = new TooManyWaiting();
  await semaphore.acquire();
  const waiting = semaphore.acquire(undefined, { refusable: true });
  const necessary = semaphore.acquire();
  semaphore.refuse(reason);
  await expect(waiting).rejects.toBe(reason);
  await expect(semaphore.acquire(undefined, { refusable: true })).rejects.toBe(reason);
  semaphore.refuse(undefined);
  const next = semaphore.acquire(undefined, { refusable: true });
  semaphore.release();
  await necessary;
  semaphore.release();
  await next;
});

test('no caller waits longer than maxWaitMs, but drain does', async () => {
  const semaphore = new Semaphore(1, { maxWaiting: 10, maxWaitMs: 20 });
  await semaphore.acquire();
  const all = semaphore.drain();
  await expect(semaphore.acquire()).rejects.toThrow(TooManyWaiting);
  semaphore.release();
  await all;
});

test('run gives the permit back, whether its work resolves or rejects', async () => {
  const semaphore = new Semaphore(1);
  const failure = new Error('failed');
  const failing = semaphore.run(() => Promise.reject(failure));
  const next = semaphore.run(async () => 'done');
  await expect(failing).rejects.toBe(failure);
  expect(await next).toBe('done');
});
