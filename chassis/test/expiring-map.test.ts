import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ExpiringMap } from '../src/index.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('a value is kept for its time, which starts again at each change', () => {
  const expired: number[] = [];
  const map = new ExpiringMap<number>(50, (value) => expired.push(value));
  map.set('one', 1);
  map.set('two', 2);
  map.set('one', 3);
  expect([map.get('one'), map.get('two')]).toEqual([3, 2]);
  vi.advanceTimersByTime(50);
  map.clearExpired();
  expect(expired).toEqual([2, 3]);
  expect(map.get('one')).toBeUndefined();
});

test('values that expire together are removed a hundred at a time', () => {
  let cleared = 0;
  const counting = new ExpiringMap<number>(1_000, () => {
    cleared += 1;
  });
  for (let key = 0; key < 1_000; key += 1) counting.set(`${key}`, key);
  const before = cleared;
  vi.advanceTimersByTime(1_000);
  counting.clearExpired();
  expect(cleared - before).toBe(100);
});

test('onExpire is called once for a value, whichever method removes it', () => {
  const expired: string[] = [];
  const map = new ExpiringMap<string>(50, (value) => expired.push(value));
  map.set('key', 'old');
  vi.advanceTimersByTime(50);
  expect(map.get('key')).toBeUndefined();
  map.set('key', 'new');
  expect(expired).toEqual(['old']);
});
