import fc from 'fast-check';
import type { Fate } from './world.ts';

/** What happens to one order. The scheduler interleaves its steps with those of the others. */
export interface Story {
  hasKey: boolean;
  /** The number of moments after which the caller hangs up; undefined: never. */
  hangsUpAfter: number | undefined;
  /** How often the caller asks again, if it has a key. */
  retries: number;
}

/** One run, as fast-check generates it. */
export interface Run {
  stories: Story[];
  fates: Fate[];
  crashes: number;
  recoveries: number;
  /** Whether every replica dies when nothing moves any more, with its voids waiting for a retry. */
  allDie: boolean;
  scheduler: fc.Scheduler;
}

/** An order of four steps takes about thirty moments; the caller's own are among them. */
const MAX_MOMENTS = 15;

/** Most messages have to arrive: otherwise no order would succeed. */
const ARRIVES = Array<Fate>(14).fill('arrives');

export const run: fc.Arbitrary<Run> = fc.record({
  stories: fc.array(
    fc.record({
      hasKey: fc.boolean(),
      hangsUpAfter: fc.option(fc.integer({ min: 0, max: MAX_MOMENTS }), { nil: undefined }),
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
