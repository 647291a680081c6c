import { startChromium } from '../../harness/chromium.ts';
import { ROOT } from '../../processes/repository.ts';
import { recordClip } from './record-clip.ts';
import { startLive } from './start-live.ts';

const PICTURES = { light: 'docs/live.png', dark: 'docs/live-dark.png' };

/**
 * Writes the README's pictures from a run of the page: one order succeeds, and the client of the next hangs up
 * during the payment. Resolves with the files' paths.
 * @throws {Error} if Chromium is not installed.
 */
export async function record(): Promise<string[]> {
  await using browser = await startChromium();
  await using live = await startLive(0, ['usual', 'ours'], (message) => {
    throw new Error(message);
  });
  const size = { width: 1_200, height: 680 };
  const page = await browser.newPage({ viewport: size, deviceScaleFactor: 1.5 });
  await page.goto(live.url);
  const sentence = page.getByRole('status');
  for (const [button, ending] of [
    ['Place order', /has ended/],
    ['Hang up in 3 s', /^You hung up.*the order was charged/],
  ] as const) {
    await page.getByRole('button', { name: button, exact: true }).click();
    await sentence.filter({ hasText: ending }).waitFor();
  }
  // Keep the pointer out of the picture.
  await page.mouse.move(0, 0);
  for (const [colorScheme, path] of Object.entries(PICTURES)) {
    await page.emulateMedia({ colorScheme: colorScheme === 'dark' ? 'dark' : 'light' });
    await page.screenshot({ path: ROOT + path, fullPage: true });
  }
  return [...Object.values(PICTURES), ...(await recordClip())];
}
