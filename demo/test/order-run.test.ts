import { expect, test } from 'vitest';
import { duration } from '../order-run.ts';
import { hungUp, PLACED_AT, ranOn } from './hung-up-run.ts';

test('the work stops some time after the hang-up, and not the time that it had worked', () => {
  expect(hungUp(19).stoppedMs).toBe(19);
  expect(ranOn().stoppedMs).toBeUndefined();
});

test('work that is not seen to stop, or stops after the others, is not told as stopped', () => {
  const goesOn = hungUp(19);
  goesOn.bars.set('inventory', { from: PLACED_AT });
  expect(goesOn.stoppedMs).toBeUndefined();
  expect(goesOn.forNobodyMs).toBeGreaterThan(1_000);
  const isLate = hungUp(19);
  isLate.bars.set('inventory', { from: PLACED_AT, to: PLACED_AT + 5_000 });
  expect(isLate.stoppedMs).toBe(2_000);
});

test('the work for nobody is what inventory-service and payment-service did after the hang-up', () => {
  expect(hungUp(19).forNobodyMs).toBe(19);
  expect(ranOn().forNobodyMs).toBe(2_000);
});

test.each([
  [0, '< 1 ms'],
  [-1, '< 1 ms'],
  [1, '1 ms'],
  [999, '999 ms'],
  [2_040, '2.0 s'],
])('%d ms are told as %s', (ms, text) => {
  expect(duration(ms)).toBe(text);
});
