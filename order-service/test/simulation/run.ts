import fc from 'fast-check';
import type { Fate } from './world.ts';

/** What happens to one order; how its steps mix with all the others' is the scheduler's choice. */
export interface Story {
  hasKey: boolean;
  /** After so many moments of patience; undefined: never. */
  hangsUpAfter: number | undefined;
  /** How often its caller asks again, if it has a key. */
  retries: number;
}

/** One run, as fast-check draws it. */
export interface Run {
  stories: Story[];
  fates: Fate[];
  crashes: number;
  recoveries: number;
  /** Whether every replica dies once nothing moves, with its voids waiting to be tried again. */
  allDie: boolean;
  scheduler: fc.Scheduler;
}

/** An order of four steps takes some thirty moments, of which its caller's are a part. */
const MOST_PATIENCE = 15;

/** Most messages have to arrive, or no order gets to its end. */
const ARRIVES = Array<Fate>(14).fill('arrives');

export const run: fc.Arbitrary<Run> = fc.record({
  stories: fc.array(
    fc.record({
      hasKey: fc.boolean(),
      hangsUpAfter: fc.option(fc.integer({ min: 0, max: MOST_PATIENCE }), { nil: undefined }),
      retries: fc.integer({ min: 0, max: 2 }),
    }),
    { minLength: 1, maxLength: 2 },
  ),
  fates: fc.array(fc.constantFrom<Fate>(...ARRIVES, 'refused', 'lost', 'answer lost'), {
    maxLength: 20,
  }),
  crashes: fc.integer({ min: 0, max: 2 }),
  recoveries: fc.integer({ min: 0, max: 2 }),
  allDie: fc.boolean(),
  scheduler: fc.scheduler(),
});
