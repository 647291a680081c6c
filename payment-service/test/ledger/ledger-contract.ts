import fc from 'fast-check';
import { Scope } from 'request-scope';
import { expect, test } from 'vitest';
import { standStill } from '../../../harness/time.ts';
import type { Ledger, Payment } from '../../src/ledger/ledger.ts';

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

/** Options of a step: no deadline, and no reaction to a void. */
const options = (callerKey?: string) => ({ scope: new Scope(), onVoid: () => {}, callerKey });

/** Takes one step, as the routes do; returns whether it charged. */
async function take(ledger: Ledger, { key, what }: Step, onVoid = () => {}): Promise<boolean> {
  if (what === 'begin') await ledger.begin(key, ORDER, { scope: new Scope(), onVoid });
  if (what === 'cancel') await ledger.cancel(key);
  if (what === 'void') await ledger.void(key, ORDER, { scope: new Scope() });
  return what === 'commit' && (await ledger.commit(key, new Scope()));
}

async function statuses(ledger: Ledger): Promise<Map<string, Payment['status']>> {
  const payments = await ledger.payments(ORDER, new Scope());
  return new Map(payments.map((payment) => [payment.paymentKey, payment.status]));
}

/** The tests of every ledger. `empty` makes one; each property is run `numRuns` times. */
export function ledgerContract(empty: () => Promise<Ledger>, numRuns: number): void {
  const check = (property: (ledger: Ledger, sequence: Step[]) => Promise<void>) =>
    fc.assert(
      fc.asyncProperty(steps, async (sequence) => property(await empty(), sequence)),
      { numRuns },
    );

  test('takes only legal steps, charges a key at most once, and never leaves voided', () =>
    check(async (ledger, sequence) => {
      const charges = new Map<string, number>();
      for (const step of sequence) {
        const before = (await statuses(ledger)).get(step.key) ?? 'unknown';
        const charged = await take(ledger, step);
        const after = (await statuses(ledger)).get(step.key) ?? 'unknown';
        if (before !== after) expect(LEGAL[before]).toContain(after);
        if (charged) charges.set(step.key, (charges.get(step.key) ?? 0) + 1);
        expect(charges.get(step.key) ?? 0).toBeLessThanOrEqual(1);
        if (charged) expect(after).toBe('processed');
      }
    }));

  test('a key is processed in the end exactly if it was charged and not voided', () =>
    check(async (ledger, sequence) => {
      const charged = new Set<string>();
      const voided = new Set<string>();
      for (const step of sequence) {
        if (await take(ledger, step)) charged.add(step.key);
        if (step.what === 'void') voided.add(step.key);
      }
      for (const key of KEYS) {
        const kept = charged.has(key) && !voided.has(key);
        expect((await statuses(ledger)).get(key) === 'processed').toBe(kept);
      }
    }));

  test('a void stops the work of a pending payment, once', () =>
    check(async (ledger, sequence) => {
      let stopped = 0;
      let expected = 0;
      for (const step of sequence) {
        const pending = (await statuses(ledger)).get(step.key) === 'pending';
        if (step.what === 'void' && pending) expected += 1;
        await take(ledger, step, () => {
          stopped += 1;
        });
      }
      expect(stopped).toBe(expected);
    }));

  test('the result says what was found under the key', async () => {
    const ledger = await empty();
    const begin = (order = ORDER) => ledger.begin('key-1', order, options());
    const voidIt = (order = ORDER) => ledger.void('key-1', order, options());
    expect(await begin()).toBe('begun');
    expect(await begin()).toBe('in-flight');
    expect(await begin('another')).toBe('other-order');
    await ledger.cancel('key-1');
    expect(await begin()).toBe('begun');
    expect(await ledger.commit('key-1', new Scope())).toBe(true);
    expect(await ledger.commit('key-1', new Scope())).toBe(false);
    expect(await begin()).toBe('processed');
    expect(await voidIt('another')).toBe('other-order');
    expect(await voidIt()).toBe('voided');
    expect(await voidIt()).toBe('already-voided');
    expect(await begin()).toBe('voided');
  });

  test('finds the tombstone of a void that came first', async () => {
    const ledger = await empty();
    await ledger.void('key-1', ORDER, options());
    expect(await ledger.begin('key-1', ORDER, options())).toBe('voided');
  });

  test('commit is refused once its scope has aborted', async () => {
    const ledger = await empty();
    await ledger.begin('key-1', ORDER, options());
    const spent = new Scope(0);
    await expect(ledger.commit('key-1', spent)).rejects.toThrow('deadline exceeded');
    expect(await statuses(ledger)).toEqual(new Map([['key-1', 'pending']]));
  });

  test('commit is refused once its deadline has passed, even if the timer is late', async () => {
    const ledger = await empty();
    await ledger.begin('key-1', ORDER, options());
    using late = new Scope(5);
    standStill(10);
    expect(late.signal.aborted).toBe(false);
    await expect(ledger.commit('key-1', late)).rejects.toThrow('deadline exceeded');
    expect(await statuses(ledger)).toEqual(new Map([['key-1', 'pending']]));
  });

  test('keeps the first key of the caller', async () => {
    const ledger = await empty();
    await ledger.begin('key-1', ORDER, options('caller-1'));
    await ledger.void('key-1', ORDER, options('another'));
    await ledger.void('key-2', ORDER, options('caller-2'));
    await ledger.void('key-3', ORDER, options());
    const payments = await ledger.payments(ORDER, new Scope());
    const callerKeys = payments.map(({ callerKey }) => callerKey);
    expect(callerKeys).toEqual(['caller-1', 'caller-2', undefined]);
  });

  test('lists the payments of an order, oldest change first, and of no other', async () => {
    const ledger = await empty();
    await ledger.void('first', ORDER, options());
    await ledger.void('other', 'another order', options());
    await ledger.begin('second', ORDER, options());
    expect(await ledger.payments(ORDER, new Scope())).toMatchObject([
      { paymentKey: 'first', orderID: ORDER, status: 'voided' },
      { paymentKey: 'second', orderID: ORDER, status: 'pending' },
    ]);
  });

  test('lists the newest 100 payments of an order, and remembers all', async () => {
    const ledger = await empty();
    for (let key = 0; key < 120; key += 1) await ledger.void(`key-${key}`, ORDER, options());
    const payments = await ledger.payments(ORDER, new Scope());
    const keys = payments.map(({ paymentKey }) => paymentKey);
    expect(keys).toHaveLength(100);
    expect([keys[0], keys.at(-1)]).toEqual(['key-20', 'key-119']);
    expect(await ledger.begin('key-0', ORDER, options())).toBe('voided');
  });
}
