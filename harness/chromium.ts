import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

/** Where Debian, Ubuntu and macOS put it. */
const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** Where there is a Chromium; undefined where there is none. */
export const chromiumPath = PLACES.find((place) => existsSync(place));

/** Starts Chromium without a window, with `options` beside ours. It ends with this process. */
export async function startChromium(...options: string[]): Promise<Browser> {
  if (!chromiumPath) throw new Error('Chromium is not installed');
  // Its sandbox does not run as root; it opens no page but ours.
  const args = process.getuid?.() === 0 ? ['--no-sandbox', ...options] : options;
  return await chromium.launch({ executablePath: chromiumPath, args });
}
