import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { CROSSINGS } from './crossings.ts';
import { run } from './run.ts';
import { simulate } from './simulate.ts';

const RUNS = 2_000;
const SEED = 2;

test(`no order that is reported as failed stays charged, in ${RUNS} runs`, async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const seen = new Set<string>();
  const property = fc.asyncProperty(run, (drawn) => simulate(drawn, seen));
  await fc.assert(property, { numRuns: RUNS, seed: SEED });
  vi.useRealTimers();
  expect([...seen].sort()).toEqual(CROSSINGS);
});
