import { describe, expect, test } from 'vitest';
import { BUDGET_HEADER, budgetHeaders, DeadlineExceeded, Scope } from '../src/index.ts';
import { aborted, settled } from './event-loop.ts';
import { get, startProbe } from './probe.ts';

describe('the budget header', () => {
  const budget = (value: string) => get(`x-envoy-expected-rq-timeout-ms: ${value}\r\n`);

  test.each(['1', '30'])('%s ms: aborts once it is spent', async (value) => {
    await using probe = await startProbe();
    await probe.connect(budget(value));
    const { scope } = await probe.next();
    expect(await aborted(scope.signal)).toBeInstanceOf(DeadlineExceeded);
    expect(scope.remainingMs).toBeLessThanOrEqual(1);
  });

  test('0 ms: aborted from the start', async () => {
    await using probe = await startProbe();
    await probe.connect(budget('0'));
    const { scope } = await probe.next();
    expect(scope.signal.reason).toBeInstanceOf(DeadlineExceeded);
  });

  test.each(['-1', '1.5', '1e3', '0x10', '12ms', '', '2147483648', '9'.repeat(400)])(
    'malformed, %j: counts as absent',
    async (value) => {
      await using probe = await startProbe();
      await probe.connect(budget(value));
      const { scope } = await probe.next();
      expect(scope.remainingMs).toBe(Number.POSITIVE_INFINITY);
      expect(scope.signal.aborted).toBe(false);
    },
  );

  test.each([
    [['90000', '60000'], 60_000],
    [['60000', 'soon'], 60_000],
  ])('sent twice, %j: the smaller valid one counts', async (values, budgetMs) => {
    await using probe = await startProbe();
    await probe.connect(get(values.map((value) => `${BUDGET_HEADER}: ${value}\r\n`).join('')));
    using scope = (await probe.next()).scope;
    expect(scope.remainingMs).toBeLessThanOrEqual(budgetMs);
    expect(scope.remainingMs).toBeGreaterThan(0);
  });

  test('2147483647 ms, the longest that a timer takes, counts', async () => {
    await using probe = await startProbe();
    await probe.connect(budget('2147483647'));
    using scope = (await probe.next()).scope;
    await settled();
    expect(scope.remainingMs).toBeGreaterThan(2_147_000_000);
    expect(scope.signal.aborted).toBe(false);
  });
});

describe('budgetHeaders', () => {
  test('sends the remaining time in whole milliseconds, rounded down', () => {
    using scope = new Scope(1_000);
    const left = Number(budgetHeaders(scope)[BUDGET_HEADER]);
    expect(Number.isInteger(left)).toBe(true);
    expect(left).toBeLessThan(1_000);
  });

  test('never sends 0, which Envoy reads as no limit', () => {
    using scope = new Scope(0);
    expect(budgetHeaders(scope)).toEqual({ [BUDGET_HEADER]: '1' });
  });

  test('sends nothing without a deadline', () => {
    using scope = new Scope();
    expect(budgetHeaders(scope)).toEqual({});
  });
});
