import { expect, test } from 'vitest';
import { hangUpOf, hangUpPictures, recordedIn } from '../hang-up-picture.ts';
import { hungUp, ranOn } from './hung-up-run.ts';

const captions = (picture = '') =>
  [...picture.matchAll(/class="end \w+"[^>]*>([^<]*)</g)].map(([, words]) => words);

test.each([
  [11, '✓ stopped in 11 ms'],
  [0, '✓ stopped in &lt; 1 ms'],
])(
  'a payment that stops after %d ms is drawn as "%s", with the figures of the run',
  (ms, words) => {
    const run = hangUpOf(hungUp(ms), ranOn());
    for (const [, picture] of hangUpPictures(run)) {
      expect(captions(picture)).toEqual([
        '2.0 s for nobody',
        'charged',
        words,
        '✓ not charged',
        '✕ the client hangs up',
      ]);
      expect(recordedIn(picture)).toEqual(run);
    }
  },
);

test('a run that is not what the picture shows is not drawn', () => {
  expect(() => hangUpOf(ranOn(), ranOn())).toThrow(/not the one/);
  expect(() => hangUpOf(hungUp(), hungUp())).toThrow(/not the one/);
  const endless = hungUp();
  endless.bars.delete('payment');
  expect(() => hangUpOf(endless, ranOn())).toThrow(/not the one/);
});
