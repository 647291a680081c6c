import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Ledger, type Payment } from '../src/ledger.ts';

const LONG_MS = 600_000;
const LIVE = new AbortController().signal;
const KEYS = ['key-1', 'key-2'];
const ORDER = 'order';

type Step = { key: string; what: 'begin' | 'commit' | 'cancel' | 'void' };

const steps = fc.array(
  fc.record<Step>({
    key: fc.constantFrom(...KEYS),
    what: fc.constantFrom('begin', 'commit', 'cancel', 'void'),
  }),
  { maxLength: 60 },
);

const LEGAL: Record<string, string[]> = {
  unknown: ['pending', 'voided'],
  pending: ['processed', 'canceled', 'voided'],
  canceled: ['pending', 'voided'],
  processed: ['voided'],
  voided: [],
};

/** Takes one step, as the routes do; returns whether it charged. */
function take(ledger: Ledger, { key, what }: Step, stop: () => void): boolean {
  if (what === 'begin') ledger.begin(key, ORDER, stop);
  if (what === 'cancel') ledger.cancel(key);
  if (what === 'void') ledger.void(key, ORDER);
  if (what !== 'commit') return false;
  try {
    ledger.commit(key, LIVE);
    return true;
  } catch {
    return false;
  }
}

function statuses(ledger: Ledger): Map<string, Payment['status']> {
  return new Map(ledger.payments(ORDER).map((payment) => [payment.idempotencyKey, payment.status]));
}

describe('any interleaving of begin, commit, cancel, void and replay', () => {
  test('takes only legal steps, charges a key at most once, and never leaves voided', () => {
    fc.assert(
      fc.property(steps, (sequence) => {
        const ledger = new Ledger(LONG_MS, 10);
        const charges = new Map<string, number>();
        for (const step of sequence) {
          const before = statuses(ledger).get(step.key) ?? 'unknown';
          const charged = take(ledger, step, () => {});
          const after = statuses(ledger).get(step.key) ?? 'unknown';
          if (before !== after) expect(LEGAL[before]).toContain(after);
          if (charged) charges.set(step.key, (charges.get(step.key) ?? 0) + 1);
          expect(charges.get(step.key) ?? 0).toBeLessThanOrEqual(1);
          if (charged) expect(after).toBe('processed');
        }
      }),
    );
  });

  test('a key is processed in the end exactly if it was charged and not voided', () => {
    fc.assert(
      fc.property(steps, (sequence) => {
        const ledger = new Ledger(LONG_MS, 10);
        const charged = new Set<string>();
        const voided = new Set<string>();
        for (const step of sequence) {
          if (take(ledger, step, () => {})) charged.add(step.key);
          if (step.what === 'void') voided.add(step.key);
        }
        for (const key of KEYS) {
          const kept = charged.has(key) && !voided.has(key);
          expect(statuses(ledger).get(key) === 'processed').toBe(kept);
        }
      }),
    );
  });

  test('a void stops the work of a pending payment, once', () => {
    fc.assert(
      fc.property(steps, (sequence) => {
        const ledger = new Ledger(LONG_MS, 10);
        let stopped = 0;
        let expected = 0;
        for (const step of sequence) {
          const pending = statuses(ledger).get(step.key) === 'pending';
          if (step.what === 'void' && pending) expected += 1;
          take(ledger, step, () => {
            stopped += 1;
          });
        }
        expect(stopped).toBe(expected);
      }),
    );
  });
});
