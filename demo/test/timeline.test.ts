import { expect, test } from 'vitest';
import { drawTimeline } from '../timeline.ts';
import { hungUp, PLACED_AT, ranOn } from './hung-up-run.ts';

const order = () => ({ ours: { run: hungUp() }, usual: { run: ranOn() }, happened: {} });
const draw = (now: number, columns = 80, shown = order()) =>
  drawTimeline(shown, 1, PLACED_AT + now, columns);
const widest = (lines: string[]) => Math.max(...lines.map(({ length }) => length));

test('an order in both systems stands on one axis', () => {
  expect(`\n${draw(6_000).join('\n')}\n`).toBe(`
           0 s      1 s      2 s      3 s      4 s      5 s
client     ━━━━━━━━━━━━━━━━━━━━━━━━━━━ ✕ hangs up
order      ━━━━━━━━━━━━━━━━━━━━━━━━━━━ ✓ stopped 11 ms later
inventory  ━━━━━━━━━━━━━━━━━━
payment                      ━━━━━━━━━ ✓ stopped 11 ms later, voided
usual way  ━━━━━━━━━━━━━━━━━━━━━━━━━━━░░░░░░░░░░░░░░░░░░ charged anyway
`);
});

test('the network and SIGTERM have a mark at their time', () => {
  const happened = {
    cutAt: PLACED_AT + 2_000,
    healedAt: PLACED_AT + 3_000,
    signaledAt: PLACED_AT + 4_000,
  };
  const lines = draw(6_000, 80, { ...order(), happened });
  expect(lines).toContain('network                      ╳╳╳╳╳╳╳╳╳ cut: no hang-up gets through');
  expect(lines).toContain(
    '                                               ▼ SIGTERM to order-service',
  );
});

test('what stops late is drawn as work for nobody, in this repository too', () => {
  const late = { ...order(), ours: { run: hungUp(500) } };
  expect(draw(6_000, 80, late)).toContain(
    'order      ━━━━━━━━━━━━━━━━━━━━━━━━━━━░░░░░ ✓ stopped 500 ms later',
  );
});

test.each([56, 60, 80, 110])(
  'nothing is wider than %d columns, however long it takes',
  (columns) => {
    for (const takesMs of [0, 1_000, 5_400, 9_000, 60_000]) {
      const shown = { ...order(), usual: { run: ranOn() } };
      shown.usual.run.chargedAt = PLACED_AT + takesMs;
      expect(widest(draw(takesMs, columns, shown))).toBeLessThanOrEqual(columns);
    }
  },
);
