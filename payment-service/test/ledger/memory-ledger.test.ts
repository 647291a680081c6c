import { Scope } from 'request-scope';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { MemoryLedger } from '../../src/ledger/memory.ts';
import { ledgerContract } from './ledger-contract.ts';

const LONG_MS = 600_000;
const ORDER = 'order';
/** In bytes. */
const ROOM_FOR_TWO = 1_500;
const options = { scope: new Scope(), onVoid: () => {} };

describe('as every ledger', () => ledgerContract(async () => new MemoryLedger(LONG_MS), 100));

describe('in memory', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('a settled payment is remembered for the retention time, a pending one for ever', async () => {
    const ledger = new MemoryLedger(10);
    await ledger.begin('settled', ORDER, options);
    await ledger.cancel('settled');
    await ledger.begin('pending', ORDER, options);
    expect(await ledger.payments(ORDER)).toHaveLength(2);
    vi.advanceTimersByTime(10);
    expect(await ledger.payments(ORDER)).toMatchObject([{ status: 'pending' }]);
  });

  test('a full ledger accepts no new payment, and forgets none', async () => {
    const ledger = new MemoryLedger(LONG_MS, ROOM_FOR_TWO);
    await ledger.begin('pending', ORDER, options);
    await ledger.void('voided', ORDER);
    expect(await ledger.begin('new', ORDER, options)).toBe('full');
    expect(await ledger.void('new', ORDER)).toBe('full');
    expect(await ledger.begin('voided', ORDER, options)).toBe('voided');
    expect(await ledger.void('pending', ORDER)).toBe('voided');
    const keys = (await ledger.payments(ORDER)).map(({ paymentKey }) => paymentKey);
    expect(keys).toEqual(['voided', 'pending']);
  });

  test('a full ledger has room again once payments have expired', async () => {
    const ledger = new MemoryLedger(10, ROOM_FOR_TWO);
    for (const round of [1, 2, 3]) {
      // The first key is known from the round before, and has expired.
      expect(await ledger.void('old', ORDER)).toBe('voided');
      expect(await ledger.void(`old-${round}`, ORDER)).toBe('voided');
      expect(await ledger.void('new', ORDER)).toBe('full');
      vi.advanceTimersByTime(10);
    }
  });

  test('the bound is in bytes: the longer the ids, the fewer payments fit', async () => {
    const room = async (orderID: string, callerKey?: string) => {
      const ledger = new MemoryLedger(LONG_MS, 100_000);
      let count = 0;
      while ((await ledger.begin(`${count}`, orderID, { ...options, callerKey })) === 'begun')
        count += 1;
      return count;
    };
    const [short, long, longer] = [
      await room('1'),
      await room('\u{1F4B0}'.repeat(128)),
      await room('\u{1F4B0}'.repeat(128), 'k'.repeat(128)),
    ];
    expect(short).toBeGreaterThan(long);
    expect(long).toBeGreaterThan(longer);
    // A character outside the BMP takes four bytes.
    expect(longer * (4 * 128 + 128)).toBeLessThan(100_000);
  });
});
