import fc from 'fast-check';
import { Scope } from 'request-scope';
import type { Ledger, Payment } from '../../src/ledger/ledger.ts';

export const KEYS = ['key-1', 'key-2'];
export const ORDER = 'order';

export type Step = { key: string; what: 'begin' | 'commit' | 'cancel' | 'void' };

export const steps = fc.array(
  fc.record<Step>({
    key: fc.constantFrom(...KEYS),
    what: fc.constantFrom('begin', 'commit', 'cancel', 'void'),
  }),
  { maxLength: 60 },
);

export const LEGAL: Record<string, string[]> = {
  unknown: ['pending', 'voided'],
  pending: ['processed', 'canceled', 'voided'],
  canceled: ['pending', 'voided'],
  processed: ['voided'],
  voided: [],
};

/** Takes one step, as the routes do; returns whether it charged. */
export async function take(ledger: Ledger, { key, what }: Step, scope: Scope): Promise<boolean> {
  if (what === 'begin') await ledger.begin(key, ORDER, scope);
  if (what === 'cancel') await ledger.cancel(key);
  if (what === 'void') await ledger.void(key, ORDER, scope);
  return what === 'commit' && (await ledger.commit(key, new Scope()));
}

export async function statuses(ledger: Ledger): Promise<Map<string, Payment['status']>> {
  const payments = await ledger.payments(ORDER, new Scope());
  return new Map(payments.map((payment) => [payment.paymentKey, payment.status]));
}
