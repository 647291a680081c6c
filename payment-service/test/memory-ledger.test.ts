import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Scope } from '#request-scope';
import { MemoryLedger } from '../src/memory-ledger.ts';
import { ledgerContract } from './ledger-contract.ts';

const LONG_MS = 600_000;
const ORDER = 'order';
const scope = new Scope();

describe('as every ledger', () => ledgerContract(async () => new MemoryLedger(LONG_MS), 100));

describe('in memory', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('a settled payment is remembered for as long as it was told to, a pending one for ever', async () => {
    const ledger = new MemoryLedger(10);
    await ledger.begin('settled', ORDER, scope);
    await ledger.cancel('settled');
    await ledger.begin('pending', ORDER, scope);
    expect(await ledger.payments(ORDER)).toHaveLength(2);
    vi.advanceTimersByTime(10);
    expect(await ledger.payments(ORDER)).toMatchObject([{ status: 'pending' }]);
  });

  test('at its bound it takes nothing new, and forgets nothing', async () => {
    const ledger = new MemoryLedger(LONG_MS, 2);
    await ledger.begin('pending', ORDER, scope);
    await ledger.void('voided', ORDER);
    expect(await ledger.begin('new', ORDER, scope)).toBe('full');
    expect(await ledger.void('new', ORDER)).toBe('full');
    expect(await ledger.begin('voided', ORDER, scope)).toBe('voided');
    expect(await ledger.void('pending', ORDER)).toBe('voided');
    const keys = (await ledger.payments(ORDER)).map(({ paymentKey }) => paymentKey);
    expect(keys).toEqual(['voided', 'pending']);
  });

  test('at its bound there is room again once something has expired', async () => {
    const ledger = new MemoryLedger(10, 1);
    await ledger.void('old', ORDER);
    expect(await ledger.void('new', ORDER)).toBe('full');
    vi.advanceTimersByTime(10);
    expect(await ledger.void('new', ORDER)).toBe('voided');
  });
});
