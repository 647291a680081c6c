import fc from 'fast-check';
import { expect, vi } from 'vitest';
import { CROSSINGS } from '../../order-service/test/simulation/crossings.ts';
import { run } from '../../order-service/test/simulation/run.ts';
import { simulate } from '../../order-service/test/simulation/simulate.ts';
import { scene } from '../support/scene.ts';

const RUNS = 100_000;

scene(
  `${RUNS} interleavings of answers, losses, hang-ups, crashes, retries and recoveries`,
  'no order that is reported as failed stays charged',
  async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const seen = new Set<string>();
    const property = fc.asyncProperty(run, (drawn) => simulate(drawn, seen));
    const seed = Date.now() % 2 ** 31;
    await fc.assert(property, { numRuns: RUNS, seed }).finally(() => vi.useRealTimers());
    expect([...seen].sort()).toEqual(CROSSINGS);
    return `0 of ${RUNS} (seed ${seed}), ${seen.size} kinds of crossings seen`;
  },
);
