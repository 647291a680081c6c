import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { CLIPS, drawClip, recordingOf } from '../../demo/live/record-clip.ts';
import { ROOT } from '../../processes/repository.ts';

const MAX_BYTES = 300_000;

test.each(CLIPS)('%s is what the code draws from the crowd that it shows', (path) => {
  const clip = readFileSync(ROOT + path, 'utf8');
  expect(drawClip(recordingOf(clip), path) === clip).toBe(true);
  expect(Buffer.byteLength(clip)).toBeLessThan(MAX_BYTES);
  expect(clip).not.toMatch(/<script/);
  // It moves only where motion is not unwelcome.
  expect(clip.match(/animation:.*/g)).toHaveLength(1);
  expect(clip).toMatch(/@media \(prefers-reduced-motion:no-preference\){#film{animation:film/);
});

test('the clips show a crowd in which the usual way starves the patient, and this repository serves them', () => {
  const [light, dark] = CLIPS.map((path) => recordingOf(readFileSync(ROOT + path, 'utf8')));
  expect(dark).toEqual(light);
  const { usual, ours } = light?.frames.at(-1) ?? {};
  expect(usual?.waited).toBe(150);
  expect(ours?.waited).toBe(150);
  expect(usual?.served).toBeLessThan(100);
  expect(ours?.served).toBe(150);
});
