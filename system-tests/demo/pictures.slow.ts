import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { chromiumPath, startChromium } from '../../harness/chromium.ts';
import { ROOT } from '../../processes/repository.ts';
import { scene } from '../support/scene.ts';

const PICTURES = ['hang-up', 'overload', 'goodput'].flatMap((name) => [name, `${name}-dark`]);
const html = PICTURES.map((name) => readFileSync(`${ROOT}docs/${name}.svg`, 'utf8')).join('');

scene(
  'the pictures in Chromium',
  'all text is inside; the run plays in real time and stays; it stands still under reduced motion',
  async ({ skip }) => {
    skip(!chromiumPath, 'Chromium is not installed');
    await using browser = await startChromium();
    const page = await browser.newPage({ viewport: { width: 390, height: 800 } });
    await page.setContent(html);
    const outside = await page.evaluate<string[]>(`[...document.querySelectorAll('text')]
      .filter((text) => {
        const { x, y, width, height } = text.getBBox();
        const view = text.ownerSVGElement.viewBox.baseVal;
        return x < 0 || y < 0 || x + width > view.width || y + height > view.height;
      })
      .map((text) => text.textContent)`);
    expect(outside).toEqual([]);
    /** The words that are visible at a second of the run. */
    const wordsAt = (second: number) =>
      page.evaluate<string[]>(`
        for (const animation of document.getAnimations()) {
          animation.pause();
          animation.currentTime = ${second * 1_000};
        }
        [...document.querySelectorAll('svg g')]
          .filter((group) => getComputedStyle(group).opacity === '1')
          .map((group) => group.textContent);`);
    expect(await wordsAt(0)).toEqual([]);
    expect(await wordsAt(2.9)).toEqual([]);
    expect((await wordsAt(4)).join()).toMatch(/stopped in .*not charged.*the client hangs up/);
    expect((await wordsAt(4)).join()).not.toContain('for nobody');
    const end = await wordsAt(100);
    expect(end.join()).toMatch(/for nobody.*charged/);
    await page.emulateMedia({ reducedMotion: 'reduce' });
    await page.setContent(html);
    expect(await page.evaluate<number>('document.getAnimations().length')).toBe(0);
    expect(await wordsAt(0)).toEqual(end);
    return `${PICTURES.length} pictures, ${end.length / 2} captions at the end`;
  },
);
