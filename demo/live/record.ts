import { startChromium } from '../../harness/chromium.ts';
import { ROOT } from '../../processes/repository.ts';
import { recordClip } from './record-clip.ts';
import { startLive } from './start-live.ts';

const PICTURES = { light: 'docs/live.png', dark: 'docs/live-dark.png' };

/**
 * Writes the README's pictures from a run of the page: the client of an order hangs up during the payment.
 * Resolves with the files' paths.
 * @throws {Error} if Chromium is not installed.
 */
export async function record(): Promise<string[]> {
  await using browser = await startChromium();
  await using live = await startLive(0, ['usual', 'ours'], (message) => {
    throw new Error(message);
  });
  const size = { width: 900, height: 800 };
  const page = await browser.newPage({ viewport: size, deviceScaleFactor: 2 });
  await page.goto(live.url);
  // The page plays this run by itself.
  await page
    .getByRole('status')
    .filter({ hasText: /hung up.*and charged it/ })
    .waitFor();
  // Keep the pointer out of the picture.
  await page.mouse.move(0, 0);
  for (const [colorScheme, path] of Object.entries(PICTURES)) {
    await page.emulateMedia({ colorScheme: colorScheme === 'dark' ? 'dark' : 'light' });
    await page.locator('#chart').screenshot({ path: ROOT + path });
  }
  return [...Object.values(PICTURES), ...(await recordClip())];
}
