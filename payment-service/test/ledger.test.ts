import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Ledger } from '../src/ledger.ts';

const LONG_MS = 600_000;
const ORDER = 'order';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('begin', () => {
  const begin = (ledger: Ledger, order = ORDER) => ledger.begin('key-1', order, () => {});

  test('says what it found', () => {
    const ledger = new Ledger(LONG_MS);
    expect(begin(ledger)).toBe('begun');
    expect(begin(ledger)).toBe('in-flight');
    expect(begin(ledger, 'another')).toBe('other-order');
    ledger.cancel('key-1');
    expect(begin(ledger)).toBe('begun');
    ledger.commit('key-1', new AbortController().signal);
    expect(begin(ledger)).toBe('processed');
    expect(ledger.void('key-1', 'another')).toBe('other-order');
    expect(ledger.void('key-1', ORDER)).toBe('voided');
    expect(ledger.void('key-1', ORDER)).toBe('already-voided');
    expect(begin(ledger)).toBe('voided');
  });

  test('finds the tombstone of a void that came first', () => {
    const ledger = new Ledger(LONG_MS);
    ledger.void('key-1', ORDER);
    expect(begin(ledger)).toBe('voided');
  });
});

test('commit does not happen once the signal has aborted, even if nobody noticed', () => {
  const ledger = new Ledger(LONG_MS);
  ledger.begin('key-1', ORDER, () => {});
  expect(() => ledger.commit('key-1', AbortSignal.abort())).toThrow();
  expect(ledger.payments(ORDER)).toMatchObject([{ status: 'pending' }]);
});

describe('what is remembered', () => {
  test('a settled payment for as long as it was told to, a pending one for ever', () => {
    const ledger = new Ledger(10);
    ledger.begin('settled', ORDER, () => {});
    ledger.cancel('settled');
    ledger.begin('pending', ORDER, () => {});
    expect(ledger.payments(ORDER)).toHaveLength(2);
    vi.advanceTimersByTime(10);
    expect(ledger.payments(ORDER)).toMatchObject([{ status: 'pending' }]);
  });

  test('at its bound nothing new, and nothing forgotten', () => {
    const ledger = new Ledger(LONG_MS, 2);
    ledger.begin('pending', ORDER, () => {});
    ledger.void('voided', ORDER);
    expect(ledger.begin('new', ORDER, () => {})).toBe('full');
    expect(ledger.void('new', ORDER)).toBe('full');
    expect(ledger.begin('voided', ORDER, () => {})).toBe('voided');
    expect(ledger.void('pending', ORDER)).toBe('voided');
    const keys = ledger.payments(ORDER).map(({ idempotencyKey }) => idempotencyKey);
    expect(keys).toEqual(['voided', 'pending']);
  });

  test('at its bound there is room again once something has expired', () => {
    const ledger = new Ledger(10, 1);
    ledger.void('old', ORDER);
    expect(ledger.void('new', ORDER)).toBe('full');
    vi.advanceTimersByTime(10);
    expect(ledger.void('new', ORDER)).toBe('voided');
  });

  test('of the payments of one order the newest 1,000 are listed, and all are remembered', () => {
    const ledger = new Ledger(LONG_MS);
    for (let key = 0; key < 1_200; key += 1) ledger.void(`key-${key}`, ORDER);
    const keys = ledger.payments(ORDER).map(({ idempotencyKey }) => idempotencyKey);
    expect(keys).toHaveLength(1_000);
    expect([keys[0], keys.at(-1)]).toEqual(['key-200', 'key-1199']);
    expect(ledger.begin('key-0', ORDER, () => {})).toBe('voided');
  });

  test('the payments of an order, oldest first, and of no other', () => {
    const ledger = new Ledger(LONG_MS);
    ledger.void('first', ORDER);
    ledger.void('other', 'another order');
    ledger.begin('second', ORDER, () => {});
    expect(ledger.payments(ORDER)).toMatchObject([
      { idempotencyKey: 'first', orderID: ORDER, status: 'voided' },
      { idempotencyKey: 'second', orderID: ORDER, status: 'pending' },
    ]);
  });
});
