import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { goodputPictures } from '../../bench/src/goodput-picture.ts';
import { hangUpPictures, recordedIn } from '../../demo/hang-up-picture.ts';
import { CLIPS } from '../../demo/live/record-clip.ts';
import { ROOT } from '../../processes/repository.ts';

const read = (path: string) => readFileSync(ROOT + path, 'utf8');
/** What the code draws today from what was recorded. */
const drawn = new Map([
  ...hangUpPictures(recordedIn(read('docs/hang-up.svg'))),
  ...goodputPictures(read('bench/RESULTS.md')),
]);

const MAX_BYTES = 10_000;
/** The width of a picture on a phone of 390 px, and its smallest text there. */
const PHONE_PX = 358;
const MIN_TEXT_PX = 10;

test('every SVG in docs/ is drawn by a command', () => {
  const inDocs = readdirSync(`${ROOT}docs`).filter((name) => name.endsWith('.svg'));
  expect([...drawn.keys(), ...CLIPS].sort()).toEqual(inDocs.map((name) => `docs/${name}`).sort());
});

test.each([...drawn.keys()])('%s is what the code draws today', (path) => {
  expect(read(path)).toBe(drawn.get(path));
});

test.each([...drawn.keys()])('%s is small, runs no script, and can be read on a phone', (path) => {
  const picture = read(path);
  expect(Buffer.byteLength(picture)).toBeLessThan(MAX_BYTES);
  expect(picture).not.toMatch(/<script|\son\w+=|href|@import|url\((?!#)/);
  const width = Number(/viewBox="0 0 (\d+) /.exec(picture)?.[1]);
  const sizes = [...picture.matchAll(/font-size[:="]+(\d+)/g)].map(([, size]) => Number(size));
  expect(sizes.length).toBeGreaterThan(0);
  expect((Math.min(...sizes) * PHONE_PX) / width).toBeGreaterThanOrEqual(MIN_TEXT_PX);
});
