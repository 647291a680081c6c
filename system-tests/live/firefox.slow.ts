import { expect } from 'vitest';
import { firefoxPath, startFirefox } from '../../harness/firefox.ts';
import { scene } from '../support/scene.ts';
import { followEvents } from './events.ts';
import { startLive } from './page.ts';

/** The share of strong red among the pixels of an element, in a picture of the window. */
const redShareOf = (selector: string, picture: Buffer) => `(async () => {
  const image = new Image();
  image.src = 'data:image/png;base64,${picture.toString('base64')}';
  await image.decode();
  const [width, height] = [innerWidth, innerHeight];
  const context = Object.assign(document.createElement('canvas'), { width, height }).getContext('2d');
  context.drawImage(image, 0, 0, width, height);
  const box = document.querySelector('${selector}').getBoundingClientRect();
  const { data } = context.getImageData(box.left, box.top, box.width, box.height);
  let red = 0;
  for (let at = 0; at < data.length; at += 4) if (data[at] > 150 && data[at + 1] < 90) red += 1;
  return red / (data.length / 4);
})()`;

scene(
  'The page in Firefox',
  'plays the first run, and hatches work for nobody',
  async ({ skip }) => {
    skip(!firefoxPath, 'Firefox is not installed');
    const live = startLive({ LIVE_PORT: '0' });
    const following = new AbortController();
    await using firefox = await startFirefox();
    try {
      const url = await live.seen(/Open (\S+)/);
      const events = await followEvents(url, following.signal);
      await firefox.open(url);
      for (const side of ['usual', 'ours'])
        await events.next((event) => event.side === side && event.outcome === 'hung up');
      const sentence = () =>
        firefox.evaluate<string>(`document.querySelector('[role=status]').textContent`);
      await expect.poll(sentence).toMatch(/^The client hung up after 3\.\d s.*Ran on for.*Stopped/);
      const picture = await firefox.screenshot();
      const share = await firefox.evaluate<number>(redShareOf('#usual .payment .over', picture));
      expect(share).toBeGreaterThan(0.25);
      expect(share).toBeLessThan(0.75);
      return `${Math.round(share * 100)}% of the hatch is red; ${await sentence()}`;
    } finally {
      following.abort();
      live.child.kill('SIGINT');
      await live.closed;
    }
  },
);
